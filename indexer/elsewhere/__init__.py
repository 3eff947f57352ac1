"""A library that is asked without its catalog, by services that know no more than where its codes are: in a Milvus.

    serving.py   the library, asked as one with a catalog is
    asking.py    its ways of asking, and its codes
    pictures.py  what answers say of pictures

It stands beside `Library`: what both answer by is in answers/, what Milvus holds and finds in milvus/.
"""

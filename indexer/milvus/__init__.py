"""A library's codes in a Milvus, which one machine's memory need not hold, and any number of services may ask.

    address.py     milvus://host:port/name, and the form that collections are to have
    connection.py  a server: time limits, what is away for a moment, one sentence for what is wrong
    fields.py      what collections are made of
    schema.py      what collections hold, what they are called, the state that says of what they are whole
    dropping.py    what goes of them
    forms.py       into how many lists and shards codes are divided
    tuning.py      how many of the lists are probed, and what that finds
    narrowing.py   folders and days as Milvus says them
    loading.py     what a library with a catalog is searched by
    searching.py   the nearest, exactly as brute force has them, or by lists
    steady.py      the same where rows, or all of them, may go meanwhile
    filling.py     brings collections to a catalog's state
    leasing.py     one filler at a time

The catalog stays the truth: what is in Milvus can be made anew from it. pymilvus is imported here and nowhere else, and
not before a server is asked.
"""

"""Servers of other programs that benchmarks and tests start for themselves, each a process of its own.

milvus_server.py  a Milvus, by standalone.py, which becomes one
burden.py         what a process takes of the machine that is measured
"""

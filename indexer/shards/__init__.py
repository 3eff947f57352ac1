"""Codes of very many pictures, made on this machine or on a cluster, as files that a library takes in later.

plan sources places       what is to be made, of which pictures, and where
making running            one shard; all that are missing, by this machine's cores or others'
away cluster ending       the cores of a cluster: a process that talks to Ray, and the only module that imports it; and
                          one beside that, which sees to its end
checking                  whether a folder of shards is whole, for who takes it in

A folder of shards holds

    manifest.json                       the plan: by which models, how many pictures of which list, how many to a shard
    pictures-<hash>.list                the paths, sorted, each ended by a zero byte
    shard-<number>-<plan>.parquet       the codes of one run of it, as `semblance export` writes them, but for ids
    shard-<number>-<plan>.json          its checksum, its counts, and what was left out, with reasons

A shard is a function of its plan, its number and what its files hold: whoever makes it, however often, makes the same
bytes. So runs go on where others were killed, and two that write to one place do each other no harm. Each file is
there whole or not at all, and a shard is there when its .json is, which is written last.
"""

"""One run of `index`, or one look of `index --watch`: what is there, what that means, what is encoded and committed.

scan excluding looking disks     what there is
deciding moving forgetting       what that means for what is known
hashing encoding contents        what it takes: the content, the codes
taking_in pipeline watching      batch after batch into the catalog, once or for ever
"""

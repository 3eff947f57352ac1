"""Pictures in object storage, or wherever fsspec reaches: the door that all who read, list or write there go by.

An address is text, `s3://bucket/key`, and stands wherever a path of a file does: in the catalog, in answers. It is a
key as it is, nothing in it is escaped, and it holds no credentials: those are the environment's, as every tool that
asks the storage finds them. What fails is a StorageError, one sentence without what the storage said itself, which may
tell of them; it is an OSError too, so that whoever reads pictures need not know where they lie.

    names.py      what is an address, and which there are not to be
    reaching.py   fsspec, imported when the first address is asked for: its filesystems, its loop, its errors
    stored.py     listing, looking, reading, writing, over any filesystem
    walking.py    what lies below a folder, where a storage lists one at a time
    webs.py       http, and what sends requests: nobody is sent on to another host
    taking.py     bodies, taken in no further than they were asked for
    buckets.py    the same for S3, in one request where fsspec takes two, and a listing page by page
"""

from semblance.retrieval.storage.names import OBJECTS as OBJECTS
from semblance.retrieval.storage.names import below as below
from semblance.retrieval.storage.names import common as common
from semblance.retrieval.storage.names import is_address as is_address
from semblance.retrieval.storage.names import is_normal as is_normal
from semblance.retrieval.storage.names import last as last
from semblance.retrieval.storage.names import named as named
from semblance.retrieval.storage.names import normal as normal
from semblance.retrieval.storage.names import of_the_web as of_the_web
from semblance.retrieval.storage.names import place as place
from semblance.retrieval.storage.names import within as within
from semblance.retrieval.storage.reaching import warm as warm
from semblance.retrieval.storage.stored import Stored as Stored
from semblance.retrieval.storage.stored import create as create
from semblance.retrieval.storage.stored import header as header
from semblance.retrieval.storage.stored import listing as listing
from semblance.retrieval.storage.stored import piece as piece
from semblance.retrieval.storage.stored import read as read
from semblance.retrieval.storage.stored import stat as stat
from semblance.retrieval.storage.stored import write as write

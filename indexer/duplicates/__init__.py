"""Which pictures of a library are there more than once, in groups, the best of each first. Nothing is ever deleted.

    records.py     what is found: groups of copies, and crowds, which are none
    units.py       pictures of one content or one code, which are compared once
    pairing.py     which of them are near, by any view
    symmetries.py  the codes of pictures mirrored and turned, for which they are decoded again
    crowded.py     crowds among what was compared: see indexer/answers/crowds.py
    cropped.py     parts of pictures, proposed by what is alike and confirmed by the pixels
    finding.py     find: all of it, in order

**The best copy** has the most pixels; of as many, one that was saved without loss, then one that names its camera (most
programs that save a picture anew leave that out), then the largest file, the oldest, and the first path. What a crop
was cut out of comes before the crop. retrieval/grouping.py says what makes a group.
"""

from semblance.indexer.duplicates.finding import find
from semblance.indexer.duplicates.records import Copy, CrowdOfPictures, Duplicates, Group

__all__ = ["Copy", "CrowdOfPictures", "Duplicates", "Group", "find"]

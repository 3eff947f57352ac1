"""Several views of one picture, to search with all of them at once.

Krizhevsky & Hinton, "Using Very Deep Autoencoders for Content-Based Image Retrieval" (2011), make a code robust by
asking with transformed copies of the query. Only the query is transformed: nothing more is stored, and a library
indexed long ago can be asked so too.
"""

from itertools import product

import numpy as np

from semblance.retrieval import images
from semblance.retrieval.images import Picture

MOST = 10
_GREY = 128
_SIDES = (0.85, 0.7)  # of a picture of which a crop keeps 0.72, or 0.49: see `placed`
_KEPT = 15 / 16  # of each side, in a crop; of 15/16, 7/8, 13/16 and 3/4 the best for cifar10-ae on held-out pictures


def views(picture: Picture, count: int) -> Picture:
    """The first `count` of ten fixed views: uint8 (S, S, 3) -> uint8 (count, S, S, 3).

    The picture as it is, its mirror image, then the crops at its four corners, each followed by its mirror image, and
    each scaled back to S x S. ValueError unless `count` is from 1 to MOST.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"a picture has 1 to {MOST} views, not {count}")
    size = len(picture)
    kept = _KEPT * size
    far = size - kept
    made = [picture]
    for left, top in ((0.0, 0.0), (far, far), (far, 0.0), (0.0, far))[: (count - 1) // 2]:
        made.append(images.scaled(picture, size, (left, top, left + kept, top + kept)))
    return np.stack([view for whole in made for view in (whole, whole[:, ::-1])][:count])


def placed(picture: Picture) -> Picture:
    """The picture as it is, and put back to where a crop of it may have come from: (S, S, 3) -> (11, S, S, 3) uint8.

    A crop shows things larger, and elsewhere, than the picture that it was cut out of. At 0.85 and 0.7 of its side, in
    the middle and the four corners of a grey picture, it shows them as they were, though less of them: half of a
    picture is found so that is not by itself (docs/results.md).
    """
    size = len(picture)
    found = [picture]
    for side in (round(share * size) for share in _SIDES):
        far, small = size - side, images.scaled(picture, side)
        for left, top in ((far // 2, far // 2), *product((0, far), repeat=2)):
            found.append(np.full_like(picture, _GREY))
            found[-1][top : top + side, left : left + side] = small
    return np.stack(found)

"""What a code remembers of its picture: the picture that the codec's decoder makes of it."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from semblance.indexer.catalog import Catalog, finding
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import NothingRemembered, UnknownPicture

_QUALITY = 90


def jpeg(library: Path, id: int, codec: Codec) -> bytes:
    """A JPEG of it, as small as the decoder makes it. Raises UnknownPicture; NothingRemembered where the codec has no
    decoder or the picture no code of it; LibraryError, ModelError."""
    with Catalog.opened(library) as catalog:
        if catalog.entry(id) is None:
            raise UnknownPicture(f"There is no picture {id} in the library.")
        code = finding.code(catalog, id, codec.codec_id)
    if not codec.can_decode:
        raise NothingRemembered(f"The model {codec.name} has no decoder: it turns pictures into codes, not back.")
    if code is None:
        raise NothingRemembered(f"Picture {id} has no code of {codec.name} yet: index its folder once more.")
    (picture,) = codec.decode(codec.latents(np.frombuffer(code, np.uint8)[None]))
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()

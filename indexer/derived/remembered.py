"""What a code remembers of its picture: the picture that the codec's decoder makes of it."""

import contextlib
import copy
import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from semblance.indexer.catalog import Catalog, finding
from semblance.retrieval.codec import DECODER, Codec, find_model, id_of, shipped_models
from semblance.retrieval.errors import ModelError, NothingRemembered, UnknownPicture

_QUALITY = 90


def jpeg(library: Path, id: int, codec: Codec) -> bytes:
    """A JPEG of it, as small as the decoder makes it. Raises UnknownPicture; NothingRemembered where the codec has no
    decoder or the picture no code of it; LibraryError, ModelError."""
    with Catalog.opened(library) as catalog:
        if catalog.entry(id) is None:
            raise UnknownPicture(f"There is no picture {id} in the library.")
        code = finding.code(catalog, id, codec.codec_id)
    decoding = codec if codec.can_decode else _with_decoder(codec)
    if decoding is None:
        raise NothingRemembered(f"The model {codec.name} has no decoder: it turns pictures into codes, not back.")
    if code is None:
        raise NothingRemembered(f"Picture {id} has no code of {codec.name} yet: index its folder once more.")
    (picture,) = decoding.decode(codec.latents(np.frombuffer(code, np.uint8)[None]))
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


@lru_cache(2)
def _with_decoder(codec: Codec) -> Codec | None:
    """The same codec as it is in the folder that it was made by, or as it ships: a library's own copy is of the encoder
    alone."""
    for name in dict.fromkeys([codec.reference, *shipped_models()]):
        with contextlib.suppress(ModelError):
            folder = find_model(name)
            if (folder / DECODER).is_file() and id_of(folder) == codec.codec_id:
                other = copy.copy(codec)
                other.folder = folder
                return other
    return None

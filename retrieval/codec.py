"""A model folder, run by ONNX Runtime: pictures to logits and codes, latents back to pictures.

    encoder.onnx    uint8 (N, S, S, 3) -> float32 logits (N, bits), weights inside the file
    decoder.onnx    float32 latents (N, bits) -> uint8 (N, D, D, 3), D its own; absent where a codec cannot decode
    model.json      name, bits, input size and resize rule, latent, recipe, data, figures, licence position

Nothing here knows how a codec was made: a trained network, PCA and a user's own export are used alike.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnxruntime

from semblance.retrieval import codes, decoding, files
from semblance.retrieval.errors import ModelError, PictureError
from semblance.retrieval.images import Picture, Source
from semblance.retrieval.inputs import InputSpec, from_card
from semblance.retrieval.sessions import check, session

MODELS = Path(__file__).resolve().parent.parent / "models"
DEFAULT_MODEL = "photos"  # what is alike
COPIES_MODEL = "copies"  # what is the same picture
BATCH = 256
RUN_BYTES = 600_000  # of pictures that are encoded at once: what a network makes of more leaves the cores' caches
ENCODER, DECODER, CARD = "encoder.onnx", "decoder.onnx", "model.json"

Logits = npt.NDArray[np.float32]  # (N, bits)


class Codec:
    """One model folder, loaded.

    Attributes: `folder`, `name`, `bits`, `spec` (an InputSpec), `codec_id` (64 hexadecimal digits),
    `card` (model.json).
    """

    def __init__(self, model: str | Path, threads: int = 1, known_as: str | None = None) -> None:
        """Load a model: the name of a shipped one, or a folder. `threads` is how many cores one call may use;
        `known_as` is the `reference` of a model whose folder is but a copy.

        Raises ModelError.
        """
        folder = self.folder = find_model(model) if isinstance(model, str) else model
        self.card = read_card(folder)
        self.name = str(self.card["name"])
        self.bits = int(self.card["bits"])
        self.spec = from_card(self.card["input"])
        self._threads, self._known_as = threads, known_as
        encoder = _read(folder / ENCODER)
        self.codec_id = codec_id(encoder, self.bits, self.spec)
        self._encoder = session(encoder, folder / ENCODER, threads)
        self._input = self._encoder.get_inputs()[0].name
        self._decoder: tuple[onnxruntime.InferenceSession, int] | None = None
        size = self.spec.size
        check(self._encoder, folder / ENCODER, ("uint8", [size, size, 3]), ("float", [self.bits]))

    @property
    def reference(self) -> str:
        """What users know this model by: the name of a shipped one, else the folder's whole path."""
        if self._known_as is not None:
            return self._known_as
        shipped = self.folder.resolve().parent == MODELS.resolve()
        return self.folder.name if shipped else str(self.folder.resolve())

    def __repr__(self) -> str:
        size = self.spec.size
        return f"<Codec {self.name}: {size} x {size} pixels to {self.bits} bits, {self.codec_id[:12]}, {self.folder}>"

    def logits(self, pictures: Picture | Iterable[Source]) -> Logits:
        """Pictures -> logits float32 (N, bits).

        Pictures are an array uint8 (N, S, S, 3), or any number of what `decoding.load` takes, of any size and mixed:
        paths, strings, bytes, Pillow's pictures, arrays. Raises ModelError for anything else, a single picture too, and
        PictureError and OSError as `decoding.load` does, saying which picture it was.
        """
        shape = (self.spec.size, self.spec.size, 3)
        if isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8 and pictures.shape[1:] == shape:
            batches: Iterable[Picture] = (pictures,)
        else:
            batches = self.squashed(pictures)
        some = max(1, min(BATCH, RUN_BYTES // math.prod(shape)))
        runs = (batch[at : at + some] for batch in batches for at in range(0, len(batch), some))
        parts = [self._encoder.run(None, {self._input: np.ascontiguousarray(run)})[0] for run in runs]
        return np.concatenate([np.empty((0, self.bits), np.float32), *parts])

    def encode(self, pictures: Picture | Iterable[Source]) -> codes.Codes:
        """Pictures, as `logits` takes them -> codes uint8 (N, ceil(bits / 8)). Raises as `logits` does."""
        return from_logits(self.logits(pictures))

    def squashed(self, pictures: object) -> Iterator[Picture]:
        """Pictures of any size, as `logits` takes and refuses them -> batches uint8 (at most BATCH, S, S, 3)."""
        if isinstance(pictures, np.ndarray | str | bytes) or not isinstance(pictures, Iterable):
            given = f"one {type(pictures).__name__}"
            if isinstance(pictures, np.ndarray):
                given = f"{pictures.dtype} {pictures.shape}"
            size = self.spec.size
            raise ModelError(
                f"{self.name} encodes uint8 (N, {size}, {size}, 3) or a list of pictures, not {given}: put one "
                "picture, or some of other sizes, into a list."
            )
        numbered = enumerate(pictures)
        while batch := [self._load(*each) for each in islice(numbered, BATCH)]:
            yield np.stack(batch)

    def _load(self, number: int, source: Source) -> Picture:
        try:
            return decoding.load(source, self.spec)
        except PictureError as error:
            which = str(source) if isinstance(source, str | Path) else f"pictures[{number}]"
            raise type(error)(f"{which}: {error}") from error

    @property
    def can_decode(self) -> bool:
        """Whether the folder has a decoder."""
        return (self.folder / DECODER).is_file()

    @property
    def decoded(self) -> InputSpec:
        """What pictures have to be brought to for comparing them with decoded ones: the side is the decoder's D.

        Raises ModelError where the folder has no decoder or a broken one.
        """
        return replace(self.spec, size=self._decoding()[1])

    def decode(self, latents: Logits) -> Picture:
        """Latents float32 (N, bits) -> pictures uint8 (N, D, D, 3). Where latents are bits, each is -1 or +1.

        Raises ModelError where these are no latents of this model, or the folder has no decoder or a broken one.
        """
        if latents.dtype != np.float32 or latents.shape[1:] != (self.bits,):
            raise ModelError(f"{self.name} decodes float32 (N, {self.bits}), not {latents.dtype} {latents.shape}")
        decoder, size = self._decoding()
        name = decoder.get_inputs()[0].name
        out = np.empty((len(latents), size, size, 3), np.uint8)
        for start in range(0, len(latents), BATCH):
            rows = np.ascontiguousarray(latents[start : start + BATCH])
            out[start : start + BATCH] = decoder.run(None, {name: rows})[0]
        return out

    def _decoding(self) -> tuple[onnxruntime.InferenceSession, int]:
        """The decoder and the side D of its pictures. Loaded when first asked for: neither indexing nor searching
        decodes."""
        if self._decoder is None:
            path = self.folder / DECODER
            if not path.is_file():
                raise ModelError(f"The model {self.name} has no decoder: it turns pictures into codes, not back.")
            decoder = session(_read(path), path, self._threads)
            shapes = [output.shape for output in decoder.get_outputs()]
            sides = [side for shape in shapes for side in shape[1:2] if isinstance(side, int) and side > 0]
            size = sides[0] if sides else self.spec.size
            check(decoder, path, ("float", [self.bits]), ("uint8", [size, size, 3]))
            self._decoder = decoder, size
        return self._decoder

    def rebuilt(self, logits: Logits) -> Picture:
        """Logits float32 (N, bits) -> the pictures that the decoder makes of them, uint8 (N, D, D, 3): of their bits
        where latents are bits, of themselves where they are real. Raises ModelError as `decode` does."""
        bits = self.card.get("latent") == "bits"
        return self.decode(self.latents(from_logits(logits)) if bits else np.ascontiguousarray(logits))

    def latents(self, packed: codes.Codes) -> Logits:
        """Codes uint8 (N, ceil(bits / 8)) -> latents float32 (N, bits) of -1 and +1, as the decoder wants them. Raises
        ModelError where these are no codes of this model."""
        try:
            return np.where(codes.unpack(packed, self.bits), np.float32(1), np.float32(-1))
        except ValueError as error:
            raise ModelError(f"{self.name} makes other codes: {error}.") from error


def from_logits(logits: Logits) -> codes.Codes:
    """Logits (N, bits) -> codes uint8 (N, ceil(bits / 8)); a bit is logit > 0."""
    return np.packbits(logits > 0, axis=1, bitorder=codes.BIT_ORDER)


def codec_id(encoder: bytes, bits: int, spec: InputSpec) -> str:
    """SHA-256 of encoder.onnx and of the canonical JSON of what else decides the bits, as 64 hexadecimal digits."""
    rule = json.dumps({"bits": bits, **spec.card()}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(encoder + rule.encode()).hexdigest()


def id_of(folder: Path) -> str:
    """The codec_id of a model folder, without loading the model. Raises ModelError."""
    card = read_card(folder)
    return codec_id(_read(folder / ENCODER), int(card["bits"]), from_card(card["input"]))


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write model.json. Raises OSError."""
    files.replace(folder / CARD, [card_bytes(card)])


def card_bytes(card: dict[str, Any]) -> bytes:
    """What model.json holds."""
    return (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()


def find_model(name_or_folder: str) -> Path:
    """A shipped model by its name, or any model folder by its path. Raises ModelError."""
    shipped = MODELS / name_or_folder
    for folder in (shipped, files.named(name_or_folder)) if name_or_folder else ():
        if (folder / CARD).is_file():
            return folder
    raise ModelError(
        f"There is no model {name_or_folder!r}: name one that ships ({', '.join(shipped_models())}) or a model folder."
    )


def shipped_models() -> list[str]:
    """The names of the models that ship with Semblance, sorted."""
    return sorted(card.parent.name for card in MODELS.glob("*/model.json"))


def _read(path: Path) -> bytes:
    try:
        return files.read_regular(path)
    except OSError as error:
        raise ModelError(f"The model folder {path.parent} is incomplete: {path.name} cannot be read.") from error


def read_card(folder: Path) -> dict[str, Any]:
    """model.json. Raises ModelError."""
    try:
        card = json.loads(_read(folder / CARD))
        said, name, bits = card["input"], card["name"], card["bits"]
        _ = said["size"], said["resize"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}/model.json is no model card: it lacks name, bits or input.") from error
    try:
        from_card(said)
        sound = isinstance(name, str) and isinstance(bits, int) and bits > 0
    except (ValueError, TypeError):
        sound = False
    if not sound:
        raise ModelError(f"{folder}/model.json has a name, bits or input that Semblance does not know.")
    return cast(dict[str, Any], card)

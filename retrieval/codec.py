"""A model folder, run by ONNX Runtime: pictures to logits and codes, latents back to pictures.

    encoder.onnx    uint8 (N, S, S, 3) -> float32 logits (N, bits), weights inside the file
    decoder.onnx    float32 latents (N, bits) -> uint8 (N, S, S, 3); absent where a codec cannot decode
    model.json      name, bits, input size and resize rule, latent, recipe, data, figures, licence position

Nothing here knows how a codec was made: a trained network, PCA and a user's own export are used alike.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnxruntime

from semblance.retrieval import codes, files, images
from semblance.retrieval.errors import ModelError, PictureError
from semblance.retrieval.images import InputSpec, Picture, Source

MODELS = Path(__file__).resolve().parent.parent / "models"
DEFAULT_MODEL = "photos"
BATCH = 256

Logits = npt.NDArray[np.float32]  # (N, bits)


class Codec:
    """One model folder, loaded.

    Attributes: `folder`, `name`, `bits`, `spec` (an InputSpec), `codec_id` (64 hexadecimal digits),
    `card` (model.json).
    """

    def __init__(self, model: str | Path, threads: int = 1) -> None:
        """Load a model: the name of a shipped one, or a folder. `threads` is how many cores one call may use.

        Raises ModelError.
        """
        folder = self.folder = find_model(model) if isinstance(model, str) else model
        self.card = _read_card(folder)
        self.name = str(self.card["name"])
        self.bits = int(self.card["bits"])
        self.spec = InputSpec(int(self.card["input"]["size"]), self.card["input"]["resize"])
        self._threads = threads
        encoder = _read(folder / "encoder.onnx")
        self.codec_id = codec_id(encoder, self.bits, self.spec)
        self._encoder = _session(encoder, folder / "encoder.onnx", threads)
        self._input = self._encoder.get_inputs()[0].name
        self._decoder: onnxruntime.InferenceSession | None = None
        size = self.spec.size
        _check(self._encoder, folder / "encoder.onnx", ("uint8", [size, size, 3]), ("float", [self.bits]))

    @property
    def reference(self) -> str:
        """What `find_model` finds this folder by again: the name of a shipped model, else the folder's whole path."""
        shipped = self.folder.resolve().parent == MODELS.resolve()
        return self.folder.name if shipped else str(self.folder.resolve())

    def __repr__(self) -> str:
        size = self.spec.size
        return f"<Codec {self.name}: {size} x {size} pixels to {self.bits} bits, {self.codec_id[:12]}, {self.folder}>"

    def logits(self, pictures: Picture | Iterable[Source]) -> Logits:
        """Pictures -> logits float32 (N, bits).

        Pictures are an array uint8 (N, S, S, 3), or any number of what `images.load` takes, of any size and mixed:
        paths, strings, bytes, Pillow's pictures, arrays. Raises ModelError for anything else, a single picture too, and
        PictureError and OSError as `images.load` does, saying which picture it was.
        """
        shape = (self.spec.size, self.spec.size, 3)
        if isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8 and pictures.shape[1:] == shape:
            batches: Iterable[Picture] = np.split(pictures, range(BATCH, len(pictures), BATCH))
        else:
            batches = self.squashed(pictures)
        # In batches: the activations of all at once would fill the memory.
        parts = [self._encoder.run(None, {self._input: np.ascontiguousarray(batch)})[0] for batch in batches]
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
            return images.load(source, self.spec)
        except PictureError as error:
            which = str(source) if isinstance(source, str | Path) else f"pictures[{number}]"
            raise type(error)(f"{which}: {error}") from error

    @property
    def can_decode(self) -> bool:
        """Whether the folder has a decoder."""
        return (self.folder / "decoder.onnx").is_file()

    def decode(self, latents: Logits) -> Picture:
        """Latents float32 (N, bits) -> pictures uint8 (N, S, S, 3). Where latents are bits, each is -1 or +1.

        Raises ModelError where these are no latents of this model, or the folder has no decoder or a broken one.
        """
        size = self.spec.size
        if latents.dtype != np.float32 or latents.shape[1:] != (self.bits,):
            raise ModelError(f"{self.name} decodes float32 (N, {self.bits}), not {latents.dtype} {latents.shape}")
        if self._decoder is None:  # seldom asked for: neither indexing nor searching decodes
            path = self.folder / "decoder.onnx"
            if not path.is_file():
                raise ModelError(f"The model {self.name} has no decoder: it turns pictures into codes, not back.")
            decoder = _session(_read(path), path, self._threads)
            _check(decoder, path, ("float", [self.bits]), ("uint8", [size, size, 3]))
            self._decoder = decoder
        name = self._decoder.get_inputs()[0].name
        out = np.empty((len(latents), size, size, 3), np.uint8)
        for start in range(0, len(latents), BATCH):
            rows = np.ascontiguousarray(latents[start : start + BATCH])
            out[start : start + BATCH] = self._decoder.run(None, {name: rows})[0]
        return out

    def rebuilt(self, logits: Logits) -> Picture:
        """Logits float32 (N, bits) -> the pictures that the decoder makes of them, uint8 (N, S, S, 3).

        From their bits where latents are bits, from themselves where they are real. Raises ModelError as `decode` does.
        """
        bits = self.card.get("latent") == "bits"
        return self.decode(self.latents(from_logits(logits)) if bits else np.ascontiguousarray(logits))

    def latents(self, packed: codes.Codes) -> Logits:
        """Codes uint8 (N, ceil(bits / 8)) -> latents float32 (N, bits) of -1 and +1, as the decoder wants them.

        Raises ModelError where these are no codes of this model.
        """
        try:
            return np.where(codes.unpack(packed, self.bits), np.float32(1), np.float32(-1))
        except ValueError as error:
            raise ModelError(f"{self.name} makes other codes: {error}.") from error


def from_logits(logits: Logits) -> codes.Codes:
    """Logits (N, bits) -> codes uint8 (N, ceil(bits / 8)); a bit is logit > 0."""
    return np.packbits(logits > 0, axis=1, bitorder=codes.BIT_ORDER)


def codec_id(encoder: bytes, bits: int, spec: InputSpec) -> str:
    """SHA-256 of encoder.onnx and of the canonical JSON of what else decides the bits, as 64 hexadecimal digits."""
    rule = json.dumps({"bits": bits, "resize": spec.resize, "size": spec.size}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(encoder + rule.encode()).hexdigest()


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write model.json. Raises OSError."""
    files.replace(folder / "model.json", [(json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()])


def find_model(name_or_folder: str) -> Path:
    """A shipped model by its name, or any model folder by its path. Raises ModelError."""
    shipped = MODELS / name_or_folder
    for folder in (shipped, files.named(name_or_folder)) if name_or_folder else ():
        if (folder / "model.json").is_file():
            return folder
    raise ModelError(
        f"There is no model {name_or_folder!r}: name one that ships ({', '.join(shipped_models())}) or a model folder."
    )


def shipped_models() -> list[str]:
    """The names of the models that ship with Semblance, sorted."""
    return sorted(card.parent.name for card in MODELS.glob("*/model.json"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model folder {path.parent} is incomplete: {path.name} cannot be read.") from error


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads(_read(folder / "model.json"))
        size, resize = card["input"]["size"], card["input"]["resize"]
        sound = isinstance(card["name"], str) and all(isinstance(n, int) and n > 0 for n in (card["bits"], size))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}/model.json is no model card: it lacks name, bits or input.") from error
    if not sound or resize != "squash-bicubic":
        raise ModelError(f"{folder}/model.json has a name, bits or input that Semblance does not know.")
    return cast(dict[str, Any], card)


def _session(model: bytes, path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning worker burns the core that the decoding threads need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no public base
        raise ModelError(f"{path} is no ONNX model that ONNX Runtime can load: {error}") from error


def _check(
    session: onnxruntime.InferenceSession, path: Path, takes: tuple[str, list[int]], gives: tuple[str, list[int]]
) -> None:
    """ModelError unless the model has one input and one output of these types and shapes, for any number N of rows."""
    for role, nodes, (kind, shape) in (
        ("take one input", session.get_inputs(), takes),
        ("give one output", session.get_outputs(), gives),
    ):
        fits = [node.type == f"tensor({kind})" and list(node.shape[1:]) == shape for node in nodes]
        if fits != [True] or isinstance(nodes[0].shape[0], int):
            rows = ", ".join(map(str, ["N", *shape]))
            raise ModelError(f"{path} must {role}, {kind} ({rows}), with N left open: export it so.")

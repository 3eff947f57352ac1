"""The codec contract, held by every model that ships and by models made here: of odd length, one-way, or broken."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from semblance.retrieval import codec as codecs
from semblance.retrieval import codes, images
from semblance.retrieval.codec import Codec, codec_id, find_model, from_logits, shipped_models
from semblance.retrieval.errors import ModelError, NotAPicture
from semblance.retrieval.inputs import InputSpec, from_card, spec_for
from tests.conftest import paint

SIZE, BITS = 4, 11
LENGTH = SIZE * SIZE * 3


def weights() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((LENGTH, BITS), np.float32)


def save_encoder(path: Path, batch: int | str = "batch", out: int = TensorProto.FLOAT, length: int = BITS) -> None:
    """logits = (pictures - 127.5) @ weights, as a graph of five nodes."""
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["floats", "middle"], ["centred"]),
        helper.make_node("Flatten", ["centred"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["products"]),
        helper.make_node("Cast", ["products"], ["logits"], to=out),
    ]
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, [batch, SIZE, SIZE, 3])
    logits = helper.make_tensor_value_info("logits", out, [batch, length])
    constants = [numpy_helper.from_array(np.array(127.5, np.float32), "middle")]
    constants.append(numpy_helper.from_array(weights()[:, :length], "weights"))
    save_graph(path, nodes, [pictures], [logits], constants)


def save_decoder(path: Path, height: int | str = SIZE, width: int | str | None = None) -> None:
    """Every pixel is 127.5 (1 + the first latent). A side that is a word is left open: it is N."""
    sides = [height, height if width is None else width]
    nodes = [
        helper.make_node("Slice", ["latents", "zero", "one", "one"], ["first"]),
        helper.make_node("Add", ["first", "unit"], ["raised"]),
        helper.make_node("Mul", ["raised", "scale"], ["grey"]),
        helper.make_node("Reshape", ["grey", "column"], ["pixel"]),
        helper.make_node("Shape", ["latents"], ["count"], start=0, end=1),
        *(
            helper.make_node("Identity", ["count" if isinstance(s, str) else f"side{n}"], [f"s{n}"])
            for n, s in enumerate(sides)
        ),
        helper.make_node("Concat", ["one", "s0", "s1", "three"], ["repeats"], axis=0),
        helper.make_node("Tile", ["pixel", "repeats"], ["floats"]),
        helper.make_node("Cast", ["floats"], ["pictures"], to=TensorProto.UINT8),
    ]
    latents = helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["batch", BITS])
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["batch", *sides, 3])
    values = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "three": np.array([3]),
        "unit": np.array(1, np.float32),
        "scale": np.array(127.5, np.float32),
        "column": np.array([-1, 1, 1, 1]),
        **{f"side{n}": np.array([side]) for n, side in enumerate(sides) if isinstance(side, int)},
    }
    save_graph(path, nodes, [latents], [pictures], [numpy_helper.from_array(array, n) for n, array in values.items()])


def save_graph(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any]) -> None:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def save_card(folder: Path, **changes: object) -> None:
    card = {"name": "tiny", "bits": BITS, "input": {"size": SIZE, "resize": "squash-bicubic"}, "latent": "bits"}
    (folder / "model.json").write_text(json.dumps({**card, **changes}))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A model of 11 bits for pictures of 4 x 4, with a decoder; a test may change it."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_encoder(folder / "encoder.onnx")
    save_decoder(folder / "decoder.onnx")
    save_card(folder)
    return folder


# ---- the contract --------------------------------------------------------------------------------------------------


@pytest.fixture(params=[*shipped_models(), "tiny"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Every codec there is."""
    name: str = request.param
    return request.getfixturevalue("tiny") if name == "tiny" else find_model(name)


@pytest.fixture
def each(folder: Path) -> Codec:
    return Codec(folder, threads=2)


def noise(codec: Codec, count: int) -> npt.NDArray[np.uint8]:
    size = codec.spec.size
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def test_there_is_a_model_that_ships() -> None:
    assert codecs.DEFAULT_MODEL in shipped_models()


def test_logits_and_codes(each: Codec) -> None:
    pictures = noise(each, 9)
    logits, packed = each.logits(pictures), each.encode(pictures)
    assert logits.shape == (9, each.bits)
    assert logits.dtype == np.float32
    assert packed.shape == (9, codes.width(each.bits))
    assert packed.dtype == np.uint8
    assert np.isfinite(logits).all()
    assert np.array_equal(codes.unpack(packed, each.bits), logits > 0)
    assert len({code.tobytes() for code in packed}) > 1  # it looks at the pictures
    assert each.logits(pictures[:0]).shape == (0, each.bits)
    assert each.encode(pictures[:0]).shape == (0, codes.width(each.bits))


def test_the_same_bits_alone_and_in_any_batch(each: Codec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture asked, and the same one indexed among others, must get one code; so must any number of threads."""
    monkeypatch.setattr(codecs, "BATCH", 16)
    pictures = noise(each, 37)
    together = each.encode(pictures)
    for size in (1, 2, 3, 7, 16, 36):
        parts = [each.encode(pictures[start : start + size]) for start in range(0, 37, size)]
        assert np.array_equal(np.concatenate(parts), together), size
    assert np.array_equal(Codec(folder, threads=1).encode(pictures), together)
    assert np.array_equal(each.encode(pictures[::-1])[::-1], together)  # a view with negative strides


def test_pictures_come_in_any_way_and_mixed(
    each: Codec, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the same bits as an array of pictures that are squashed already; and more of them than fit one batch."""
    monkeypatch.setattr(codecs, "BATCH", 3)
    files = [paint(tmp_path / f"{seed}.png", seed) for seed in range(8)]
    expected = each.encode(np.stack([images.load(path, each.spec) for path in files]))
    drawn = [Image.open(path) for path in files]
    mixed: list[images.Source] = [
        files[0], str(files[1]), files[2].read_bytes(), drawn[3], drawn[4].copy(), np.asarray(drawn[5]),
        images.load(files[6], each.spec), str(files[7]),
    ]  # fmt: skip
    ways: list[Iterable[images.Source]] = [mixed, tuple(mixed), (picture for picture in mixed), files, drawn]
    for way in ways:
        assert np.array_equal(each.encode(way), expected)
    assert np.array_equal(from_logits(each.logits(mixed)), expected)
    assert np.array_equal(each.encode(mixed[:1]), expected[:1])
    assert each.encode([]).shape == (0, codes.width(each.bits))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        each.encode([files[0], "nowhere.png"])
    (tmp_path / "text.jpg").write_text("no picture")
    for wrong, which in ((tmp_path / "text.jpg", r"text\.jpg: "), (b"text", r"pictures\[4\]: ")):
        with pytest.raises(NotAPicture, match=which):
            each.encode([*files[:4], wrong])
    with pytest.raises(NotAPicture, match=r"pictures\[0\]: An array .* float64"):
        each.encode([np.full((8, 8, 3), np.nan)])


def test_one_picture_is_no_list_of_pictures(each: Codec, tmp_path: Path) -> None:
    """Whoever forgets the brackets hears of them: the answer always has a row for each picture."""
    path = paint(tmp_path / "a.png", 1)
    for one in (path, str(path), path.read_bytes(), Image.open(path), np.asarray(Image.open(path)), None):
        for ask in (each.encode, each.logits):
            with pytest.raises(ModelError, match="into a list"):
                ask(one)  # type: ignore[arg-type]


def test_decoding(each: Codec) -> None:
    if not each.can_decode:
        with pytest.raises(ModelError, match="no decoder"):
            each.decode(np.zeros((1, each.bits), np.float32))
        return
    size = each.decoded.size
    latents = each.latents(each.encode(noise(each, 5)))
    assert latents.shape == (5, each.bits)
    assert latents.dtype == np.float32
    assert set(np.unique(latents)) <= {-1, 1}
    assert np.array_equal(latents > 0, each.logits(noise(each, 5)) > 0)
    pictures = each.decode(latents)
    assert pictures.shape == (5, size, size, 3)
    assert pictures.dtype == np.uint8
    assert np.array_equal(each.decode(latents[2:3])[0], pictures[2])
    assert each.decode(latents[:0]).shape == (0, size, size, 3)


def test_wrong_types_and_shapes_are_refused_at_the_door(each: Codec) -> None:
    good = noise(each, 2)
    wrongs: list[npt.NDArray[Any]] = [good.astype(np.float32), good[:, :-1], good[0], good[..., :1]]
    for wrong in [*wrongs, good.transpose(0, 3, 1, 2)]:
        with pytest.raises(ModelError, match="encodes uint8"):
            each.encode(wrong)
    if each.can_decode:
        wrongs = [np.zeros((1, each.bits)), np.zeros((1, each.bits + 1), np.float32), np.zeros(3, np.float32)]
        for wrong in wrongs:
            with pytest.raises(ModelError, match="decodes float32"):
                each.decode(wrong)
    with pytest.raises(ModelError, match="codes of"):
        each.latents(np.zeros((1, codes.width(each.bits) + 1), np.uint8))


def test_attributes_are_the_card_s(each: Codec, folder: Path) -> None:
    card = json.loads((folder / "model.json").read_text())
    assert (each.name, each.bits, each.card) == (card["name"], card["bits"], card)
    assert each.spec == InputSpec(**card["input"])
    assert each.can_decode == (folder / "decoder.onnx").is_file()
    assert find_model(each.reference) == folder.resolve()
    for part in (each.name, f"{each.bits} bits", f"{each.spec.size} x {each.spec.size}", each.codec_id[:12]):
        assert part in repr(each)


# ---- a model of another length -------------------------------------------------------------------------------------


def test_logits_are_what_the_graph_says(tiny: Path) -> None:
    codec = Codec(tiny)
    pictures = noise(codec, 6)
    expected = (pictures.reshape(6, -1) - 127.5) @ weights()
    np.testing.assert_allclose(codec.logits(pictures), expected, rtol=1e-3, atol=0.1)
    packed = codec.encode(pictures)
    assert packed.shape == (6, 2)
    assert np.all(packed[:, 1] >> 3 == 0)  # 11 bits: five of the second byte are padding


def test_no_more_pictures_are_encoded_at_once_than_their_bytes_allow(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = Codec(tiny)
    pictures = noise(codec, 5)
    alone = [codec.logits(pictures[row : row + 1])[0].tolist() for row in range(5)]
    encoder, sizes = codec._encoder, list[int]()

    class Counted:
        def run(self, names: None, given: dict[str, npt.NDArray[np.uint8]]) -> Any:
            sizes.extend(map(len, given.values()))
            return encoder.run(names, given)

    monkeypatch.setattr(codec, "_encoder", Counted())
    for room, expected in ((3 * SIZE * SIZE * 3 - 1, [2, 2, 1]), (1, [1] * 5), (10**9, [5])):
        monkeypatch.setattr(codecs, "RUN_BYTES", room)
        for given in (pictures, [*pictures]):
            sizes.clear()
            assert codec.logits(given).tolist() == alone
            assert sizes == expected


def test_decoded_is_what_the_graph_says(tiny: Path) -> None:
    pictures = Codec(tiny).decode(np.array([[-1] * BITS, [1] * BITS], np.float32))
    assert [np.unique(picture).tolist() for picture in pictures] == [[0], [255]]


@pytest.mark.parametrize("side", [1, SIZE - 1, 2 * SIZE])
def test_a_decoder_has_a_size_of_its_own(tiny: Path, side: int) -> None:
    save_decoder(tiny / "decoder.onnx", side)
    codec = Codec(tiny)
    logits = np.array([[-1] * BITS, [1] * BITS, [-1] * BITS], np.float32)
    assert codec.decoded == InputSpec(side)
    assert codec.rebuilt(logits).shape == codec.decode(logits).shape == (3, side, side, 3)
    assert codec.rebuilt(logits)[:, 0, 0, 0].tolist() == [0, 255, 0]
    assert codec.decode(logits[:0]).shape == (0, side, side, 3)
    assert codec.encode(noise(codec, 2)).shape == (2, 2)
    assert (codec.spec.size, codec.codec_id) == (SIZE, codec_id((tiny / "encoder.onnx").read_bytes(), BITS, codec.spec))


@pytest.mark.parametrize("sides", [(SIZE, SIZE + 1), ("side", "side"), (SIZE, "side"), (0, 0)])
def test_a_decoder_whose_pictures_are_no_squares_of_a_fixed_size(
    tiny: Path, sides: tuple[int | str, int | str]
) -> None:
    save_decoder(tiny / "decoder.onnx", *sides)
    with pytest.raises(ModelError, match=r"decoder\.onnx must give one output, uint8"):
        _ = Codec(tiny).decoded


def test_without_a_decoder(tiny: Path) -> None:
    (tiny / "decoder.onnx").unlink()
    codec = Codec(tiny)
    assert not codec.can_decode
    assert codec.encode(noise(codec, 1)).shape == (1, 2)
    with pytest.raises(ModelError, match="tiny has no decoder"):
        codec.decode(np.zeros((1, BITS), np.float32))


# ---- identity ------------------------------------------------------------------------------------------------------


def test_codec_id_by_hand() -> None:
    """printf 'abc{"bits":8,"resize":"squash-bicubic","size":32}' | sha256sum"""
    expected = "dca8759efcc6a1a704387ad7b94117fcf3bfd943b36e5851f96366cd70354844"
    assert codec_id(b"abc", 8, InputSpec(32)) == expected
    assert codec_id(b"abc", 8, from_card({"size": 32, "resize": "squash-bicubic", "least": 2})) == expected


def test_codec_id_of_another_scale_by_hand() -> None:
    """printf 'abc{"bits":8,"least":1.5,"resize":"trim-bicubic","size":224}' | sha256sum"""
    expected = "f97f8178d79f111599c7986085dcf1c1f9e9c01146bcb098bf9a6b324eea0976"
    assert codec_id(b"abc", 8, spec_for(224)) == expected


@pytest.mark.parametrize("spec", [InputSpec(SIZE), InputSpec(SIZE, "trim-bicubic", 1.5), InputSpec(SIZE, least=1)])
def test_a_card_gives_the_spec_back(tiny: Path, spec: InputSpec) -> None:
    save_card(tiny, input=spec.card())
    assert Codec(tiny).spec == spec
    assert ("least" in spec.card()) == (spec != InputSpec(SIZE))


def test_new_models_of_large_pictures_go_by_another_rule() -> None:
    assert spec_for(127) == InputSpec(127, "squash-bicubic", 2.0)
    assert spec_for(128) == InputSpec(128, "trim-bicubic", 1.5)


def test_codec_id_is_of_what_decides_the_bits(tiny: Path, tmp_path: Path) -> None:
    made = Codec(tiny).codec_id
    assert made == codec_id((tiny / "encoder.onnx").read_bytes(), BITS, InputSpec(SIZE))
    moved = Path(shutil.copytree(tiny, tmp_path / "elsewhere"))
    save_card(moved, name="another", summary="other words", figures={"mse": 1})
    (moved / "decoder.onnx").unlink()
    assert Codec(moved).codec_id == made

    encoder = b"an encoder"
    ids = {
        codec_id(encoder, 256, InputSpec(32)),
        codec_id(encoder + b"!", 256, InputSpec(32)),
        codec_id(encoder, 128, InputSpec(32)),
        codec_id(encoder, 256, InputSpec(64)),
        codec_id(encoder, 256, InputSpec(32, "trim-bicubic")),
        codec_id(encoder, 256, InputSpec(32, least=1.5)),
    }
    assert len(ids) == 6


# ---- folders that are no model -------------------------------------------------------------------------------------


def test_find_model(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model(codecs.DEFAULT_MODEL) == codecs.MODELS / codecs.DEFAULT_MODEL
    assert find_model(str(tiny)) == tiny
    monkeypatch.chdir(tiny.parent)
    assert find_model("tiny").resolve() == tiny
    for wrong in ("", "no-such-model", str(tiny.parent), str(tiny / "encoder.onnx")):
        with pytest.raises(ModelError, match=codecs.DEFAULT_MODEL):  # the sentence names those that there are
            find_model(wrong)
        with pytest.raises(ModelError, match=codecs.DEFAULT_MODEL):
            Codec(wrong)
    made = Codec(tiny)
    monkeypatch.setenv("HOME", str(tiny.parent))
    for name in (str(tiny), "tiny", "~/tiny"):
        assert (Codec(name).codec_id, Codec(name).folder.resolve()) == (made.codec_id, tiny)
    assert Codec(codecs.DEFAULT_MODEL).folder == codecs.MODELS / codecs.DEFAULT_MODEL


@pytest.mark.parametrize("missing", ["encoder.onnx", "model.json"])
def test_an_incomplete_folder(tiny: Path, missing: str) -> None:
    (tiny / missing).unlink()
    with pytest.raises(ModelError, match=missing):
        Codec(tiny)


@pytest.mark.parametrize(
    "card",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"name": "x", "bits": 11}',
        '{"name": "x", "bits": 11, "input": []}',
        '{"name": "x", "bits": "11", "input": {"size": 4, "resize": "squash-bicubic"}}',
        '{"name": "x", "bits": 0, "input": {"size": 4, "resize": "squash-bicubic"}}',
        '{"name": "x", "bits": 11, "input": {"size": -4, "resize": "squash-bicubic"}}',
        '{"name": 7, "bits": 11, "input": {"size": 4, "resize": "squash-bicubic"}}',
        '{"name": "x", "bits": 11, "input": {"size": 4, "resize": "crop"}}',
        *(
            f'{{"name": "x", "bits": 11, "input": {{"size": 4, "resize": "squash-bicubic", {more}}}}}'
            for more in ('"least": 0.5', '"least": "2"', '"least": null', '"least": NaN', '"least": true', '"gap": 2')
        ),
    ],
)
def test_a_broken_card(tiny: Path, card: str) -> None:
    (tiny / "model.json").write_text(card)
    with pytest.raises(ModelError, match=r"model\.json"):
        Codec(tiny)


def test_a_broken_encoder(tiny: Path) -> None:
    whole = (tiny / "encoder.onnx").read_bytes()
    for broken in (b"", b"not onnx at all", whole[: len(whole) // 2]):
        (tiny / "encoder.onnx").write_bytes(broken)
        with pytest.raises(ModelError, match=r"encoder\.onnx"):
            Codec(tiny)


def test_an_encoder_that_does_not_fit_its_card(tiny: Path) -> None:
    save_card(tiny, bits=BITS + 1)
    with pytest.raises(ModelError, match="give one output"):
        Codec(tiny)
    save_card(tiny, input={"size": SIZE + 1, "resize": "squash-bicubic"})
    with pytest.raises(ModelError, match="take one input"):
        Codec(tiny)
    save_card(tiny)
    save_encoder(tiny / "encoder.onnx", out=TensorProto.DOUBLE)
    with pytest.raises(ModelError, match="give one output"):
        Codec(tiny)
    save_encoder(tiny / "encoder.onnx", batch=1)  # the commonest slip of an export
    with pytest.raises(ModelError, match="N left open"):
        Codec(tiny)
    save_encoder(tiny / "encoder.onnx")
    assert Codec(tiny).bits == BITS


def test_a_broken_decoder_does_not_stop_encoding(tiny: Path) -> None:
    (tiny / "decoder.onnx").write_bytes(b"not onnx at all")
    codec = Codec(tiny)
    assert codec.encode(noise(codec, 1)).shape == (1, 2)
    for _ in range(2):  # asked again, it says the same again
        with pytest.raises(ModelError, match=r"decoder\.onnx"):
            codec.decode(np.zeros((1, BITS), np.float32))

"""The rows of a model's variants: each is what searching that way finds, and the gallery is encoded once for all."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semblance.retrieval import codes, queries
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.index import FlatIndex
from semblance.retrieval.judging import comparison, datasets, histograms
from semblance.retrieval.judging.contest import Contest, Row, Variant, shuffled
from semblance.retrieval.views import views
from tests.retrieval.test_codec import save_card, save_decoder, save_encoder

VARIANTS = [
    Variant(),
    Variant(refine=True),
    Variant(views=4),
    Variant(views=4, refine=True),
    Variant(bits=28),
    Variant(bits=64, views=2, refine=True),
]


@pytest.fixture(scope="module")
def contest(sample: Path) -> Contest:
    """The first 36 pictures are the gallery, the others ask."""
    whole = datasets.load(sample)[0]
    order = np.random.default_rng(0).permutation(len(whole))
    return shuffled(whole.subset(order[:36]), whole.subset(order[36:]))


@pytest.fixture(scope="module")
def rows(contest: Contest, codec: Codec) -> list[Row]:
    return [*comparison.by_codec(contest, codec, VARIANTS)]


def test_variants_are_named_by_what_they_change() -> None:
    assert [str(variant) for variant in VARIANTS] == [
        "", "refined", "4 views", "4 views, refined", "first 28 bits", "first 64 bits, 2 views, refined",
    ]  # fmt: skip


def test_each_row_is_what_searching_that_way_finds(contest: Contest, codec: Codec, rows: list[Row]) -> None:
    """The rows' figures worked out again, a query at a time, from what the product's own search returns."""
    gallery = codec.encode(contest.gallery.pictures(codec.spec))
    for variant, row in zip(VARIANTS, rows, strict=True):
        bits = variant.bits or codec.bits
        index = FlatIndex(bits)
        index.add(np.arange(len(gallery)), codes.prefix(gallery, bits))
        precisions = []
        for at, picture in enumerate(contest.queries.pictures(codec.spec)):
            logits = codec.logits(views(picture, variant.views))[:, :bits]
            [(_, found)] = queries.search(index, [queries.of_logits(logits, variant.refine)], len(gallery))
            assert row.nearest(np.array([at]), 5)[0].tolist() == found[:5].tolist()
            precisions.append((contest.gallery.labels[found[:10]] == contest.queries.labels[at]).mean())
        assert row.score.table["P@10"] == pytest.approx(np.mean(precisions)), row.name
        assert (row.name, row.bits) == (f"{codec.name}, {variant}".rstrip(", "), bits)


def test_a_refined_row_keeps_the_order_of_what_lies_beyond_its_candidates(
    contest: Contest, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "CANDIDATES", 5)
    plain, refined = comparison.by_codec(contest, codec, [Variant(), Variant(refine=True)])
    at_five = plain.score.retrieved.tolist().index(5)
    assert refined.score.precision[at_five:].tolist() == plain.score.precision[at_five:].tolist()
    asked = np.arange(len(contest.queries))
    assert np.array_equal(refined.nearest(asked, 20)[:, 5:], plain.nearest(asked, 20)[:, 5:])
    assert np.array_equal(np.sort(refined.nearest(asked, 5)), np.sort(plain.nearest(asked, 5)))
    assert not np.array_equal(refined.nearest(asked, 5), plain.nearest(asked, 5))


def test_the_gallery_is_encoded_once_for_all_variants(
    contest: Contest, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    real = Codec.encode

    def counted(self: Codec, pictures: Picture) -> Codes:
        encoded.append(len(pictures))
        return real(self, pictures)

    monkeypatch.setattr(Codec, "encode", counted)
    made: Iterator[Row] = comparison.by_codec(contest, codec, VARIANTS)
    assert len([*made]) == len(VARIANTS)
    assert encoded.count(len(contest.gallery)) == 1


def test_the_error_of_what_is_rebuilt_by_definition(contest: Contest, codec: Codec, rows: list[Row]) -> None:
    pictures = contest.queries.pictures(codec.spec)
    rebuilt = codec.decode(codec.latents(codec.encode(pictures)))
    expected = np.square(pictures / 255 - rebuilt / 255).mean()
    assert rows[0].mse == pytest.approx(expected)
    assert rows[0].rebuilt is not None
    assert np.array_equal(rows[0].rebuilt, rebuilt)
    assert rows[0].as_dict()["mse"] == round(float(expected), 4)
    assert [(row.mse, row.rebuilt) for row in rows[1:]] == [(None, None)] * 5, "it is said once, of the code as it is"


def test_queries_are_brought_to_the_decoder_s_size(contest: Contest, tmp_path: Path) -> None:
    """A model for pictures of 4 x 4 that rebuilds 10 x 10, white where the first bit is on and black where not."""
    save_encoder(tmp_path / "encoder.onnx")
    save_decoder(tmp_path / "decoder.onnx", 10)
    save_card(tmp_path)
    codec = Codec(tmp_path)
    [row] = comparison.by_codec(contest, codec)
    white = codec.logits(contest.queries.pictures(InputSpec(4)))[:, 0] > 0
    assert set(white) == {False, True}
    assert row.rebuilt is not None
    assert row.rebuilt.shape == (len(white), 10, 10, 3)
    expected = np.square(contest.queries.pictures(InputSpec(10)) / 255 - white[:, None, None, None]).mean()
    assert row.mse == pytest.approx(expected)


def test_a_model_without_a_decoder_has_no_error(
    contest: Contest, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Codec, "can_decode", False)
    [row] = comparison.by_codec(contest, codec)
    assert (row.mse, row.rebuilt, row.as_dict()["mse"]) == (None, None, None)


# ---- colour histograms ---------------------------------------------------------------------------------------------


def colours(contest: Contest) -> tuple[np.ndarray, np.ndarray]:
    """Shares of 64 colours, queries (Q, 64) and gallery (G, 64), counted by NumPy's own histogram."""
    pictures = (part.pictures(InputSpec(64)).reshape(len(part), -1, 3) for part in (contest.queries, contest.gallery))
    queries, gallery = (
        np.stack([np.histogramdd(each, (4, 4, 4), [(0, 256)] * 3)[0].ravel() / 4096 for each in part])
        for part in pictures
    )
    return queries, gallery


@pytest.mark.parametrize("own", [False, True])
def test_the_histogram_row_is_brute_force(
    own: bool, contest: Contest, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_AT_ONCE", 7)  # several portions, the last not full
    contest = shuffled(datasets.load(sample)[0], None) if own else contest
    row = comparison.by_histograms(contest)
    queries, gallery = colours(contest)
    precisions = []
    for at, query in enumerate(queries):
        order = np.argsort(np.abs(gallery - query).sum(axis=1), kind="stable")
        order = order[order != at] if own else order
        assert row.nearest(np.array([at]), 5)[0].tolist() == order[:5].tolist()
        precisions.append((contest.gallery.labels[order[:10]] == contest.queries.labels[at]).mean())
    assert row.score.table["P@10"] == pytest.approx(np.mean(precisions))


def test_the_histogram_row_says_what_it_takes(contest: Contest) -> None:
    row = comparison.by_histograms(contest)
    kept = histograms.counts(contest.gallery.pictures(histograms.SPEC))
    assert (row.name, row.bits) == ("colour histogram", None)
    assert row.bytes_per_picture == kept.nbytes / len(kept) == 128
    assert row.search_ms > 0
    assert row.encode_ms is not None
    assert row.encode_ms > 0
    assert (row.mse, row.rebuilt) == (None, None)


def test_pixels_have_no_bits_and_nothing_to_encode(contest: Contest) -> None:
    said = comparison.by_pixels(contest).as_dict()
    assert (said["bits"], said["encode_ms"], said["bytes_per_picture"]) == (None, None, 3072)

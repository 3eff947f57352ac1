"""Packed codes: bytes worked out by hand, and laws that hold for any code."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semblance.retrieval import codes
from semblance.retrieval.codec import from_logits

Bits = npt.NDArray[np.bool_]


def bits(text: str) -> Bits:
    """ "10 01" -> one row of booleans, first bit first."""
    return np.array([[digit == "1" for digit in text.replace(" ", "")]])


def some_bits(rows: st.SearchStrategy[int], length: st.SearchStrategy[int]) -> st.SearchStrategy[Bits]:
    return st.tuples(rows, length).flatmap(lambda shape: arrays.arrays(np.bool_, shape))


LENGTHS = st.integers(1, 140)
ROWS = st.integers(0, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000 0000", [0x01]),  # the first bit is the least significant
        ("0000 0001", [0x80]),
        ("1100 1010", [0x53]),  # 1 + 2 + 16 + 64 = 83
        ("0000 0000 1000 0000", [0x00, 0x01]),  # bit 8 opens the second byte
        ("1111 1111 11", [0xFF, 0x03]),  # ten bits: six zeros fill the second byte
        ("1", [0x01]),
        ("0010 1000 0000 0000 001", [0x14, 0x00, 0x04]),
    ],
)
def test_bytes_worked_out_by_hand(text: str, expected: list[int]) -> None:
    packed = codes.pack(bits(text))
    assert packed.dtype == np.uint8
    assert packed.tolist() == [expected]
    assert codes.unpack(packed, bits(text).shape[1]).tolist() == bits(text).tolist()
    assert codes.to_hex(packed[0]) == bytes(expected).hex()
    assert codes.from_hex(bytes(expected).hex(), bits(text).shape[1]).tolist() == expected


def test_width() -> None:
    assert [codes.width(n) for n in (1, 7, 8, 9, 16, 17, 255, 256, 257)] == [1, 1, 1, 2, 2, 3, 32, 32, 33]
    for none in (0, -1):
        with pytest.raises(ValueError, match="at least one bit"):
            codes.width(none)


def test_a_bit_is_a_logit_above_zero() -> None:
    logits = np.array([[1e-30, -1e-30, 0.0, -0.0, 5, -5, np.inf, np.nan]], np.float32)
    assert from_logits(logits).tolist() == [[0b01010001]]


def test_prefix_by_hand() -> None:
    code = np.array([[0b1010_1101, 0b1111_0110, 0xFF]], np.uint8)
    assert codes.prefix(code, 1).tolist() == [[0b1]]
    assert codes.prefix(code, 3).tolist() == [[0b101]]
    assert codes.prefix(code, 8).tolist() == [[0b1010_1101]]
    assert codes.prefix(code, 11).tolist() == [[0b1010_1101, 0b110]]
    assert codes.prefix(code, 24).tolist() == code.tolist()
    assert code.tolist() == [[0b1010_1101, 0b1111_0110, 0xFF]]
    for wrong in (25, 0):
        with pytest.raises(ValueError, match="bit"):
            codes.prefix(code, wrong)


def test_hamming_by_hand() -> None:
    queries = np.array([[0x00, 0x00], [0xFF, 0x01]], np.uint8)
    gallery = np.array([[0x00, 0x00], [0x01, 0x80], [0xFF, 0xFF]], np.uint8)
    assert codes.hamming(queries, gallery).tolist() == [[0, 2, 16], [9, 9, 7]]


@given(some_bits(ROWS, LENGTHS))
def test_unpack_is_the_inverse_of_pack(rows: Bits) -> None:
    packed = codes.pack(rows)
    length = rows.shape[1]
    assert packed.shape == (len(rows), codes.width(length))
    codes.check(packed, length)  # so the padding is zero
    assert np.array_equal(codes.unpack(packed, length), rows)


@given(st.data(), LENGTHS)
def test_hamming_counts_the_bits_that_differ(data: st.DataObject, length: int) -> None:
    queries, gallery = (data.draw(some_bits(ROWS, st.just(length))) for _ in range(2))
    expected = (queries[:, None] != gallery[None]).sum(axis=2)
    assert np.array_equal(codes.hamming(codes.pack(queries), codes.pack(gallery)), expected)


@given(st.data(), LENGTHS)
def test_the_distance_of_prefixes_is_that_of_the_first_bits(data: st.DataObject, length: int) -> None:
    queries, gallery = (data.draw(some_bits(ROWS, st.just(length))) for _ in range(2))
    first = data.draw(st.integers(1, length))
    short = [codes.prefix(codes.pack(rows), first) for rows in (queries, gallery)]
    for packed, rows in zip(short, (queries, gallery), strict=True):
        assert np.array_equal(packed, codes.pack(rows[:, :first]))
    assert np.array_equal(codes.hamming(*short), (queries[:, None, :first] != gallery[None, :, :first]).sum(axis=2))


@given(some_bits(st.just(1), LENGTHS))
def test_hexadecimal_there_and_back(row: Bits) -> None:
    packed = codes.pack(row)
    text = codes.to_hex(packed[0])
    assert len(text) == 2 * codes.width(row.shape[1])
    assert np.array_equal(codes.from_hex(text, row.shape[1]), packed[0])


@pytest.mark.parametrize("text", ["", "0", "zz", "0102", "ff"])
def test_hexadecimal_that_is_no_code_of_seven_bits(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own words, or check's
        codes.from_hex(text, 7)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 3), np.int64),
        np.zeros((2, 2), np.uint8),
        np.zeros(3, np.uint8),
        np.full((1, 3), 0b1000, np.uint8),  # 19 bits: the fourth bit of the last byte is padding
    ],
)
def test_what_is_no_code_of_nineteen_bits(wrong: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="19 bits"):
        codes.check(wrong, 19)
    with pytest.raises(ValueError, match="19 bits"):
        codes.unpack(wrong, 19)


def test_wrong_types_and_shapes_are_refused_at_the_door() -> None:
    with pytest.raises(ValueError, match="booleans"):
        codes.pack(np.zeros((1, 8), np.uint8))
    with pytest.raises(ValueError, match="booleans"):
        codes.pack(np.zeros(8, np.bool_))
    good = np.zeros((1, 2), np.uint8)
    for wrong in (np.zeros((1, 3), np.uint8), np.zeros(2, np.uint8), np.zeros((1, 2), np.int64)):
        for pair in ((good, wrong), (wrong, good)):
            with pytest.raises(ValueError, match="cannot be compared"):
                codes.hamming(*pair)

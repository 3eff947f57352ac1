"""Packed binary codes: eight bits to a byte, little-endian within the byte.

Bit i of a code is bit (i mod 8) of byte (i div 8), counted from the least significant. So the first bits of a code
are the lowest bits of its first bytes, which is the prefix that FAISS hashes. A length that is no whole number of
bytes is padded with zeros, which add nothing to any Hamming distance.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
BIT_ORDER: Literal["little"] = "little"


def width(bits: int) -> int:
    """Bytes that a code of `bits` bits takes."""
    if bits < 1:
        raise ValueError(f"a code has at least one bit, not {bits}")
    return (bits + 7) // 8


def pack(bits: npt.NDArray[np.bool_]) -> Codes:
    """Booleans (N, bits) -> codes uint8 (N, ceil(bits / 8))."""
    if bits.dtype != np.bool_ or bits.ndim != 2:
        raise ValueError(f"pack wants booleans (N, bits), not {bits.dtype} {bits.shape}")
    return np.packbits(bits, axis=1, bitorder=BIT_ORDER)


def unpack(codes: Codes, bits: int) -> npt.NDArray[np.bool_]:
    """Codes uint8 (N, ceil(bits / 8)) -> booleans (N, bits)."""
    check(codes, bits)
    return np.unpackbits(codes, axis=1, count=bits, bitorder=BIT_ORDER).astype(np.bool_)


def prefix(codes: Codes, bits: int) -> Codes:
    """The first `bits` bits of each code, as codes of their own: uint8 (N, ceil(bits / 8))."""
    if codes.ndim != 2 or width(bits) > codes.shape[1]:
        raise ValueError(f"codes of shape {codes.shape} have no prefix of {bits} bits")
    short = codes[:, : width(bits)].copy()
    if bits % 8:
        short[:, -1] &= (1 << bits % 8) - 1
    return short


def hamming(queries: Codes, gallery: Codes) -> npt.NDArray[np.uint16]:
    """Codes (Q, W) and (G, W) -> Hamming distances uint16 (Q, G)."""
    for codes in (queries, gallery):
        if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != queries.shape[1]:
            raise ValueError(
                f"codes {queries.dtype} {queries.shape} and {gallery.dtype} {gallery.shape} cannot be compared"
            )
    left, right = _words(queries), _words(gallery)
    distances = np.zeros((len(queries), len(gallery)), np.uint16)
    for word in range(left.shape[1]):  # one word at a time, so that no (Q, G, W) array is ever made
        distances += np.bitwise_count(left[:, word, None] ^ right[None, :, word])
    return distances


def to_hex(code: Codes) -> str:
    """One code (W,) as lower-case hexadecimal, two digits a byte in byte order."""
    return code.tobytes().hex()


def from_hex(text: str, bits: int) -> Codes:
    """Hexadecimal as `to_hex` writes it -> one code (W,). ValueError where it is no code of `bits` bits."""
    code = np.frombuffer(bytes.fromhex(text), np.uint8).copy()
    check(code[None], bits)
    return code


def check(codes: Codes, bits: int) -> None:
    """ValueError unless `codes` is a uint8 array (N, ceil(bits / 8)) whose padding bits are zero."""
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != width(bits):
        raise ValueError(f"codes of {bits} bits are uint8 (N, {width(bits)}), not {codes.dtype} {codes.shape}")
    if bits % 8 and np.any(codes[:, -1] >> (bits % 8)):
        raise ValueError(f"codes of {bits} bits have bits set in their padding")


def _words(codes: Codes) -> npt.NDArray[np.uint64]:
    if codes.shape[1] % 8 == 0:
        return np.ascontiguousarray(codes).view(np.uint64)
    padded = np.zeros((len(codes), -(-codes.shape[1] // 8) * 8), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)

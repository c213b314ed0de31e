"""The two hashes of our own formats: FNV-1a 64 to find a name in a table, BLAKE3 to know bytes again."""

from __future__ import annotations

from blake3 import blake3

FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
BLAKE3_BYTES = 32

_MASK = 0xFFFF_FFFF_FFFF_FFFF


def fnv1a_64(data: bytes) -> int:
    """FNV-1a of 64 bits: quick for the few bytes of a name, and no protection against who picks names to collide.

    Source: https://datatracker.ietf.org/doc/html/rfc9923
    """
    value = FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & _MASK
    return value


def blake3_of(*parts: bytes | memoryview) -> bytes:
    """The BLAKE3 digest, 32 bytes, of `parts` one after the other."""
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    return hasher.digest()

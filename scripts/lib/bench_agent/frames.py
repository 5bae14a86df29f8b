"""Reader bytes: Chafon real-time frames, whose tags belong to no vehicle."""

from __future__ import annotations


def crc16(data: bytes) -> int:
    """CRC-16 with the reflected polynomial 0x8408, initially all ones."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


def epc(number: int) -> bytes:
    """A FASTag of issuer 999001, which does not exist; numbers below 1 048 576."""
    return (0x34161FA8203E7CB202000000 + (number << 5)).to_bytes(12, "big")


def frame(tag: bytes, antenna: int = 1) -> bytes:
    """A tag as a reader of the 288 kind reports it."""
    body = bytes([0x14, 0, 0xEE, 0, antenna, len(tag)]) + tag + bytes([80])
    return body + crc16(body).to_bytes(2, "little")

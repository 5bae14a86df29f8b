"""Tags of vehicles, and the frames in which a reader reports them. Everything is a hash of vehicle and seed, so the same
vehicle is read, or missed, in every run."""

from __future__ import annotations

from hashlib import blake2b

#: SUMO's classes of vehicles that carry no FASTag in India: two-wheelers.
TWO_WHEELERS = {"motorcycle", "moped", "bicycle", "scooter"}
#: Types of vehicles with three wheels, which carry none either.
THREE_WHEELERS = {"auto", "autorickshaw"}


def draw(*parts) -> int:
    """64 bits that depend on these parts and nothing else."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def chance(*parts) -> float:
    """A number from 0 to below 1."""
    return draw(*parts) / 2**64


def fastag(number: int) -> str:
    """A FASTag's EPC: GIAI-96 of the Indian Highways Management Company, with 28 bits for key index and serial number."""
    fields = (
        (0x34, 8),  # GIAI-96
        (0, 3),  # filter
        (5, 3),  # partition: 7 digits of company prefix
        (8907272, 24),  # company prefix
        (1, 5),  # clearing house
        (999001, 20),  # issuer
        (number >> 20 & 0xFF, 8),  # key index
        (number & 0xFFFFF, 20),  # serial number
        (0, 5),
    )
    epc = 0
    for value, bits in fields:
        epc = epc << bits | value
    return f"{epc:024X}"


def uhfreader288_frame(port: int, epc: str, rssi: int) -> str:
    """One tag in real-time mode (command EE) as the serial line of a reader brings it, in hex. `rssi` is the reader's own
    byte."""
    tag = bytes.fromhex(epc)
    body = bytes([len(tag) + 8, 0x00, 0xEE, 0x00, 1 << port - 1, len(tag)]) + tag + bytes([rssi & 0xFF])
    checksum = _crc16_mcrf4xx(body)
    return (body + checksum.to_bytes(2, "little")).hex().upper()


def _crc16_mcrf4xx(data: bytes) -> int:
    checksum = 0xFFFF
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (0x8408 if checksum & 1 else 0)
    return checksum

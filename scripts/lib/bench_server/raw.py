"""As much of MQTT 3.1.1 as a load needs: what makes the load must cost less than what is measured, which no client in Python does."""

from __future__ import annotations

import select
import socket
from urllib.parse import urlsplit

PUBLISH, PUBACK = 0x30, 0x40


def text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([kind])
    while True:
        length, low = divmod(length, 128)
        head.append(low | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A message of QoS 1; `packet_id` from 1 to 65 535."""
    return packet(PUBLISH | 2, text(topic) + packet_id.to_bytes(2, "big") + payload)


class Connection:
    """A connection with the server's own login."""

    def __init__(self, url: str, client_id: str, *, clean: bool = True) -> None:
        at = urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = 0xC0 | (2 if clean else 0)
        body = text("MQTT") + bytes([4, flags, 0, 0]) + text(client_id) + text(at.username or "") + text(at.password or "")
        self.socket.sendall(packet(0x10, body))
        self.rest = b""
        kind, answer = self.packets()[0]
        if kind != 0x20 or answer[1] != 0:
            raise ConnectionError(f"the broker refuses {client_id}: {answer.hex()}")

    def subscribe(self, topic: str, qos: int) -> None:
        self.socket.sendall(packet(0x82, (1).to_bytes(2, "big") + text(topic) + bytes([qos])))
        while not any(kind == 0x90 for kind, _ in self.packets()):
            pass

    def packets(self) -> list[tuple[int, bytes]]:
        """Packets as they come, first byte and body; waits for the first, and brings all that are there."""
        found: list[tuple[int, bytes]] = []
        while not found:
            data = self.socket.recv(1 << 18)
            if not data:
                raise ConnectionError("the broker has closed the connection")
            self.rest += data
            at = 0
            while (whole := self.whole(at)) is not None:
                kind, body, at = whole
                found.append((kind, body))
            self.rest = self.rest[at:]
        return found

    def whole(self, at: int) -> tuple[int, bytes, int] | None:
        length, shift, here = 0, 0, at + 1
        while True:
            if here >= len(self.rest):
                return None
            byte = self.rest[here]
            length |= (byte & 0x7F) << shift
            here, shift = here + 1, shift + 7
            if byte < 0x80:
                break
        if here + length > len(self.rest):
            return None
        return self.rest[at], self.rest[here : here + length], here + length

    def ready(self, wait_s: float) -> bool:
        """Whether something has come within a time."""
        return bool(select.select([self.socket], [], [], wait_s)[0])

    def close(self) -> None:
        self.socket.close()


def message(kind: int, body: bytes) -> tuple[str, bytes, bytes]:
    """Topic, payload and, at QoS 1, the acknowledgement of a publish packet."""
    end = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:end].decode()
    if kind & 6:
        return topic, body[end + 2 :], bytes([PUBACK, 2]) + body[end : end + 2]
    return topic, body[end:], b""


def pump(connection: Connection, packets: list[bytes], window: int) -> None:
    """Publishes all, at most `window` at a time without the broker's acknowledgement."""
    sent = acked = 0
    while acked < len(packets):
        if free := min(window - (sent - acked), len(packets) - sent):
            connection.socket.sendall(b"".join(packets[sent : sent + free]))
            sent += free
        acked += sum(kind == PUBACK for kind, _ in connection.packets())

"""Carries messages between the product's programs as the MQTT broker would: to whoever subscribes and may read."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

from .network import Network
from .replay import Program

SERVER = "server"
#: Topics flextraff/{junction}/{kind}: who may publish them.
BY_AGENT = {"car-counts", "cycles", "events", "gap", "clock-fix", "status", "reply", "signal", "demand"}
BY_SERVER = {"green-time", "ack", "command", "keys", "watchlist"}
#: What agents of linked junctions may read, too.
SHARED = {"signal", "demand"}
#: Kinds whose topic ends in the device's id.
OF_DEVICE = {"cycles", "events", "gap", "clock-fix", "status", "reply", "ack", "command", "keys"}
LARGEST_PAYLOAD = 256 * 1024
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Broker:
    """What is published in one exchange is delivered with the next."""

    def __init__(self, network: Network, agents: list[Program], server: Program | None, neighbours: bool):
        self._at = {junction.id: at for at, junction in enumerate(network.junctions)}
        self._devices = [junction.device_id for junction in network.junctions]
        self._near = [network.neighbours(at) if neighbours else set() for at in range(len(agents))]
        self._agents, self._server, self._link_up = agents, server, True
        self._waiting: dict[int | str, list[str]] = defaultdict(list)
        #: Messages by kind.
        self.carried: Counter[str] = Counter()
        #: What the contract does not allow, and plans that were refused.
        self.oddities: Counter[str] = Counter()

    def cut(self) -> None:
        """From now on nothing is delivered, and nothing may be published."""
        self._link_up = False
        self._waiting.clear()

    def take(self, who: int | str) -> list[str]:
        """Messages for an agent (its junction's position) or the server, as JSON."""
        return self._waiting.pop(who, [])

    def publish(self, who: int | str, message: dict) -> None:
        """An agent or the server has published this."""
        topic, payload = str(message.get("topic", "")), message.get("payload")
        words = topic.split("/")
        kind = "car-counts" if len(words) == 4 and words[3] == "car-counts" else words[2] if len(words) > 2 else "?"
        at = self._at.get(words[1]) if len(words) > 1 else None
        self.carried[kind] += 1
        body = _encode(payload)
        problem = self._problem(who, words, kind, at, payload, len(body))
        if problem:
            self.oddities[f"{'server' if who == SERVER else 'agent'}: {kind}: {problem}"] += 1
            return
        if kind == "status" and (payload.get("plan") or {}).get("state") == "refused":
            self.oddities[f"plan refused: {'; '.join(payload['plan'].get('reasons', []))[:200]}"] += 1
        self._deliver(topic, kind, at, f'{{"topic":{_encode(topic)},"payload":{body}}}')

    def _problem(self, who: int | str, words: list[str], kind: str, at: int | None, payload, size: int) -> str | None:
        if not self._link_up:
            return "published while the link is down"
        if words[0] != "flextraff" or at is None or kind not in (BY_SERVER if who == SERVER else BY_AGENT):
            return "may not be published by it"
        if who != SERVER and who != at:
            return "belongs to another junction"
        if kind in OF_DEVICE and words[3:] != [self._devices[at]]:
            return "its topic does not end in the junction's device"
        if not isinstance(payload, dict) or payload.get("v") != 1:
            return 'is no object with "v": 1'
        if size > LARGEST_PAYLOAD:
            return "is larger than 256 KiB"
        return None

    def _deliver(self, topic: str, kind: str, at: int, message: str) -> None:
        for reader, program in enumerate(self._agents):
            own = reader == at and kind in BY_SERVER | SHARED
            if (own or (kind in SHARED and at in self._near[reader])) and program.wants(topic):
                self._waiting[reader].append(message)
        if self._server and self._server.wants(topic):
            self._waiting[SERVER].append(message)

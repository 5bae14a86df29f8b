"""SUMO's own controllers, left to themselves: what the simulator's makers offer, with detectors that miss nobody."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from .network import Network, is_green

#: Its name here, and SUMO's type of traffic light; `sumo-static` is the net's program as it stands.
SUMO_CONTROLLERS = {"sumo-actuated": "actuated", "sumo-delay-based": "delay_based", "sumo-static": None}
MIN_GREEN_S, MAX_GREEN_S = 5, 50


def additional_file(network: Network, controller: str, folder: Path) -> list[Path]:
    """Writes the programs that SUMO is to load for this controller, if any."""
    kind = SUMO_CONTROLLERS[controller]
    if kind is None:
        return []
    lines = ["<additional>"]
    for junction in network.junctions:
        lines.append(f'<tlLogic id={quoteattr(junction.tls)} type="{kind}" programID="bench" offset="0">')
        for seconds, state in junction.program:
            span = (
                f' minDur="{min(MIN_GREEN_S, seconds)}" maxDur="{max(MAX_GREEN_S, seconds)}"' if is_green(state) else ""
            )
            lines.append(f'<phase duration="{seconds}" state="{state}"{span}/>')
        lines.append("</tlLogic>")
    path = folder / "programs.add.xml"
    path.write_text("\n".join([*lines, "</additional>"]))
    return [path]


class SumoProgram:
    """Says what SUMO's own lights show, and sets nothing."""

    def __init__(self, name: str, network: Network, sumo):
        self.name, self.decisions = name, 0
        self._network, self._sumo = network, sumo

    async def start(self) -> list[list[dict]]:
        """What each junction shows at t = 0."""
        return self._shown(0.0)

    async def step(self, t: float, reads: list) -> list[list[dict]]:
        """What each junction shows from `t` on."""
        return self._shown(t)

    def _shown(self, t: float) -> list[list[dict]]:
        state = self._sumo.trafficlight.getRedYellowGreenState
        return [[{"t": t, "shown": state(junction.tls)}] for junction in self._network.junctions]

    async def close(self) -> dict:
        """SUMO does it all."""
        return {"decisions": 0, "ms_per_decision": None}

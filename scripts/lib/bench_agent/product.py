"""The agent under test: its files, its starts, and what it says of itself."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import uuid
from pathlib import Path

from .street import Reader, socket_path

SIDES = ("N", "S", "E", "W")
JUNCTION, DEVICE = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def write_config(folder: Path, readers: list[Reader], port: int | None) -> Path:
    """A junction of four approaches with a reader each; `port`: the broker's."""
    text = [
        f'[junction]\nid = "{JUNCTION}"\n[device]\nid = "{DEVICE}"\ntype = "junction"\n[clock]\ntrust = "always"\n',
        "[signal]\nstartup_flash_s = 4\nstartup_all_red_s = 5\n",
        f'[output]\ndriver = "virtual"\nsocket = "{socket_path(folder)}"\n',
        f'[console]\nsocket = "{folder}/agent.sock"\n[outbox]\npath = "{folder}/outbox.sqlite"\n',
    ]
    if port is not None:
        text.append(f'[mqtt]\nurl = "mqtt://127.0.0.1:{port}"\n')
    for index, side in enumerate(SIDES):
        text.append(f'[[lane]]\nid = "{uuid.UUID(int=10 + index)}"\nname = "{side}"\ndirection = "{side}"\n')
        text.append(f'[[stage]]\nname = "{side}"\nlanes = ["{side}"]\n')
    for side, reader in zip(SIDES, readers):
        text.append(
            f'[[reader]]\nname = "{side}"\nprotocol = "uhfreader"\nport = "{reader.port}"\nlanes = {{ default = "{side}" }}\n'
        )
    file = folder / "agent.toml"
    file.write_text("".join(text))
    return file


class Lamps:
    """The socket to which the virtual output sends lamp vectors."""

    def __init__(self, folder: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(socket_path(folder)))
        self.socket.settimeout(10)

    def first(self) -> float:
        """When the next vector comes, seconds of the monotonic clock."""
        self.socket.recv(65536)
        return time.monotonic()

    def close(self) -> None:
        path = self.socket.getsockname()
        self.socket.close()
        Path(path).unlink()


def start(program: Path, config: Path) -> subprocess.Popen[bytes]:
    """Starts `run`; its log lies beside its configuration."""
    log = config.with_suffix(".log").open("ab")
    return subprocess.Popen([program, "run", "--config", config], stdout=log, stderr=log)


def time_to_lamps(program: Path, config: Path) -> float:
    """Milliseconds from the start of the program to the first lamp vector."""
    lamps = Lamps(config.parent)
    begun = time.monotonic()
    agent = start(program, config)
    try:
        return (lamps.first() - begun) * 1000
    finally:
        agent.terminate()
        agent.wait(20)
        lamps.close()


def lamp_loop(program: Path, config: Path) -> dict[str, int]:
    """How punctual the running agent says that it writes its lamps."""
    told = subprocess.run(
        [program, "monitor", "--json", "--once", "--config", config], capture_output=True, check=True, timeout=20
    )
    return json.loads(told.stdout)["status"]["controller"]["lamp_loop"]

"""What happens to the server's unit. Its database runs outside of the container and is reached by a socket, as one on the same machine is."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path

from .machine import STREET, Machine, put, until

SERVER = "flextraff-server.service"
DATABASE = f"{STREET}/database"
# PostgreSQL's clients look for this name.
SOCKET = ".s.PGSQL.5432"
PORT = 8000
PASSWORD = "a long pass phrase of nobody"

CONFIG = f"""
[http]
bind = "0.0.0.0:{PORT}"
[auth]
secret_key_file = "/etc/flextraff/secret.key"
[mqtt]
url = "mqtt://127.0.0.1:1883"
"""


def install(system: Path, checkout: Path, server: Path, url: str) -> None:
    """Program, unit, user and files as server/README.md installs them. `url` is the database's, from outside."""
    files = checkout / "systemd"
    copies = {
        server: "usr/bin/flextraff-server",
        files / "flextraff-server.service": "etc/systemd/system/flextraff-server.service",
        files / "flextraff-server.sysusers": "usr/lib/sysusers.d/flextraff-server.conf",
        files / "flextraff-server.tmpfiles": "usr/lib/tmpfiles.d/flextraff-server.conf",
    }
    account, name = url.split("://")[1].split("@")[0], url.rsplit("/", 1)[1]
    of_root = {
        "server.toml": CONFIG,
        "secret.key": "a key of tests that is long enough for HS256, and drawn by nobody: 3f9a7c52e1\n",
        "server.env": f"FLEXTRAFF_DATABASE__URL=postgresql://{account}@localhost/{name}?host={DATABASE}\n",
    }
    for file, text in of_root.items():
        (system / "etc/flextraff" / file).write_text(text)
    put(system, copies, "flextraff-server.conf")


class Database:
    """Hands connections at a socket in the street on to the database outside; away until `back` is called."""

    def __init__(self, street: Path, url: str) -> None:
        host, port = url.split("@")[1].split("/")[0].split(":")
        self._place = (host, int(port))
        self._folder = street / "database"
        self._folder.mkdir()
        self._folder.chmod(0o755)

    def back(self) -> None:
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(self._folder / SOCKET))
        (self._folder / SOCKET).chmod(0o777)
        door.listen()
        threading.Thread(target=self._serve, args=(door,), daemon=True).start()

    def _serve(self, door: socket.socket) -> None:
        while True:
            inside, _ = door.accept()
            outside = socket.create_connection(self._place)
            for source, sink in ((inside, outside), (outside, inside)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()


class ServerScene:
    def __init__(self, machine: Machine, database: Database) -> None:
        self.machine = machine
        self.database = database

    def ask(self, request: str, body: str = "", kind: str = "application/json") -> tuple[int, str]:
        """Status and body of an answer, asked for inside the container, which has no program for that but its shell."""
        message = f"{request} HTTP/1.1\r\nHost: localhost:{PORT}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        said = self.machine.run("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{PORT} && cat >&3 && cat <&3", text=message)
        head, _, rest = said.partition("\n\n" if "\r\n" not in said else "\r\n\r\n")
        return int(head.split()[1]), rest

    def start(self) -> None:
        self.machine.run("systemctl", "start", SERVER)
        until("the server answers", lambda: self.ask("GET /livez")[0] == 200)


def waits_for_its_database(s: ServerScene) -> None:
    """Without a database the server is not ready, and is not ended for it; when the database comes it serves."""
    s.machine.run("systemctl", "enable", "--quiet", SERVER)
    s.machine.run("systemctl", "start", "--no-block", SERVER)
    until("it says what it waits for", lambda: "database" in s.machine.journal(SERVER).lower())
    assert s.machine.state(SERVER) == "activating", s.machine.state(SERVER)
    s.database.back()
    until("the server is ready", lambda: s.machine.state(SERVER) == "active", 60)
    assert s.ask("GET /livez")[0] == 200


def works_within_its_limits(s: ServerScene) -> None:
    """Files are read by nobody else; an account is made and signed in with; nothing is refused to it that it needs."""
    said = s.machine.run("systemd-analyze", "verify", f"/etc/systemd/system/{SERVER}")
    assert said == "", said
    more = [f"/etc/flextraff/{file}" for file in ("mqtt.key", "device-ca.key", "webhook.key", "smtp-password", "server-mqtt-password")]
    s.machine.run("sh", "-c", 'touch "$@" && chmod 644 "$@"', "sh", *more)
    # Of both, as at a boot.
    said = s.machine.run("systemd-tmpfiles", "--create", "--prefix=/etc/flextraff")
    assert said == "", said
    for file in ("server.toml", "server.env", "secret.key", *(file.rsplit("/", 1)[1] for file in more)):
        owner = s.machine.run("stat", "--format=%U %G %a", f"/etc/flextraff/{file}").strip()
        assert owner == "root flextraff-server 640", f"{file}: {owner}"
        s.machine.run("runuser", "-u", "flextraff", "--", "cat", f"/etc/flextraff/{file}", fails=True)
        s.machine.run("runuser", "-u", "flextraff-server", "--", "cat", f"/etc/flextraff/{file}")
    s.machine.run("rm", *more)
    s.machine.run(
        "runuser", "-u", "flextraff-server", "--", "sh", "-c",
        "set -a && . /etc/flextraff/server.env && exec flextraff-server user create --username anjali --email anjali@city.example --admin",
        text=PASSWORD + "\n",
    )
    form = f"username=anjali&password={PASSWORD.replace(' ', '+')}"
    status, said = s.ask("POST /api/users/token", form, "application/x-www-form-urlencoded")
    assert status == 200 and "access_token" in said, said
    user = s.machine.run("stat", "--format=%U", f"/proc/{s.machine.main_pid(SERVER)}").strip()
    assert user == "flextraff-server", user
    journal = s.machine.journal(SERVER)
    for word in ("Operation not permitted", "Read-only file system", "panicked", PASSWORD):
        assert word not in journal, journal


def comes_back(s: ServerScene) -> None:
    """Killed, it is there again after two seconds."""
    # Asked for at once: systemd hears of the end a moment after the signal, and until then calls the unit active.
    shown = lambda: s.machine.show(SERVER, "ActiveState", "NRestarts")
    s.machine.kill(SERVER, signal.SIGKILL)
    until("another process serves", lambda: shown() == {"ActiveState": "active", "NRestarts": "1"})
    assert s.ask("GET /livez")[0] == 200


def stops(s: ServerScene) -> None:
    """Stopping is orderly and leaves nothing."""
    s.machine.run("systemctl", "stop", SERVER)
    shown = s.machine.show(SERVER, "ActiveState", "Result", "ExecMainStatus")
    assert shown == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}, shown


def wrong_server_configuration(s: ServerScene) -> None:
    """A wrong configuration ends with exit code 2 and is not tried again."""
    file = "/etc/flextraff/server.toml"
    s.machine.run("sed", "-i", "s/^bind/bound/", file)
    s.machine.run("systemctl", "start", SERVER, fails=True)
    shown = s.machine.show(SERVER, "ActiveState", "ExecMainStatus", "NRestarts")
    assert shown == {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}, shown
    assert "bound" in s.machine.journal(SERVER)
    s.machine.run("sed", "-i", "s/^bound/bind/", file)
    s.start()
    s.machine.run("systemctl", "stop", SERVER)


ALL = [waits_for_its_database, works_within_its_limits, comes_back, stops, wrong_server_configuration]

"""What the checks share: how one went, how the agent is called, a reader that tells tags."""

import threading

EPC = b"34161FA8203286140C0F2A20"

failed = []


def check(what, good, note=""):
    """Says how a check went."""
    print(f"{'ok    ' if good else 'FAILED'} {what}{f' ({note})' if note and not good else ''}", flush=True)
    if not good:
        failed.append(what)


def agent(config, command):
    return f"flextraff-agent {command} --config /etc/{config}.toml"


def tags(pi):
    """Lets the reader at the USB port tell a tag again and again, until what is returned is set."""
    stop = threading.Event()

    def tell():
        while not stop.wait(0.2):
            pi.usb.send(EPC + b"\r\n")

    threading.Thread(target=tell, daemon=True).start()
    return stop

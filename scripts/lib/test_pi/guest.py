"""An emulated Raspberry Pi 3: QEMU, its console, its pins and the reader at its USB port."""

import contextlib
import json
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

# Registers of the BCM2837's GPIO block, seen from the processor.
GPIO = 0x3F200000
FUNCTION_SELECT, SET, CLEAR, LEVEL = GPIO, GPIO + 0x1C, GPIO + 0x28, GPIO + 0x34
PROMPT = b"pi# "


def connect(path, timeout=30):
    """A connection to a socket that another program is about to make."""
    deadline = time.monotonic() + timeout
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(str(path))
            return link
        except OSError:
            link.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Wire:
    """One end of a serial line. Somebody must take what comes at once: QEMU stands still while a socket is full."""

    def __init__(self, path):
        self.link = connect(path)
        self.came = b""
        self.news = threading.Condition()
        self.ended = False
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while True:
            try:
                data = self.link.recv(65536)
            except OSError:
                data = b""
            with self.news:
                self.came += data
                self.ended |= not data
                self.news.notify_all()
            if not data:
                return

    def send(self, data):
        self.link.sendall(data)

    def until(self, mark, timeout):
        """What comes before a mark; both are taken."""
        with self.news:
            self.news.wait_for(lambda: mark in self.came or self.ended, timeout)
            before, found, after = self.came.partition(mark)
            if not found:
                raise TimeoutError(f"{mark!r} did not come within {timeout} s, but {self.came[-600:]!r}")
            self.came = after
            return before


class Pi:
    """The machine. `folder` is for its sockets and logs, `boot` has kernel, device tree and first file system."""

    def __init__(self, boot, folder):
        self.folder = Path(folder)
        self.tags = 0
        # Pins are looked at and set from several threads.
        self.alone = threading.Lock()
        at = {name: self.folder / f"{name}.sock" for name in ("console", "control", "usb", "pins")}
        listen = "server=on,wait=off"
        self.process = subprocess.Popen(
            [
                *("qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-monitor", "none"),
                *("-kernel", f"{boot}/kernel", "-dtb", f"{boot}/pi.dtb", "-initrd", f"{boot}/initrd"),
                # /dev/mem is what rppal falls back to where the vendor's /dev/gpiomem is missing, and the kernel guards it.
                *("-append", "console=ttyAMA0,115200 rdinit=/init panic=5 quiet iomem=relaxed"),
                *("-chardev", f"socket,id=console,path={at['console']},{listen},logfile={folder}/console.log"),
                *("-serial", "chardev:console", "-qmp", f"unix:{at['control']},{listen}"),
                *("-qtest", f"unix:{at['pins']},{listen}", "-qtest-log", "/dev/null"),
                *("-D", f"{folder}/trace.log"),
                *("-chardev", f"socket,id=usb,path={at['usb']},{listen}"),
                *("-device", "usb-serial,chardev=usb,always-plugged=on"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "qemu.log", "wb"),
        )
        self.console = Wire(at["console"])
        self.usb = Wire(at["usb"])
        self.control = connect(at["control"]).makefile("rwb")
        self.control.readline()
        self.ask("qmp_capabilities")
        self.inputs = connect(at["pins"]).makefile("rwb")
        self.console.until(PROMPT, 240)

    def stop(self):
        """Takes the power away."""
        self.process.kill()
        self.process.wait()

    def ask(self, command, **arguments):
        """A command of QEMU's monitor protocol."""
        with self.alone:
            self.control.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            self.control.flush()
            while True:
                answer = json.loads(self.control.readline())
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                if "return" in answer:
                    return answer["return"]

    def word(self, address):
        """A register, read from outside."""
        answer = self.ask("human-monitor-command", **{"command-line": f"xp /1wx {address:#x}"})
        return int(re.search(r":\s*0x([0-9a-f]+)", answer)[1], 16)

    def levels(self):
        """The levels of pins 0 to 31 in one moment, a bit each."""
        return self.word(LEVEL)

    def functions(self):
        """The registers that say which pins are outputs."""
        return {FUNCTION_SELECT + 4 * number: self.word(FUNCTION_SELECT + 4 * number) for number in range(3)}

    def is_output(self, pin):
        """Whether a pin drives: the level of one that does not says nothing."""
        return self.word(FUNCTION_SELECT + 4 * (pin // 10)) >> 3 * (pin % 10) & 7 == 1

    def put(self, pin, high):
        """Gives an input a level from outside."""
        self.write(SET if high else CLEAR, 1 << pin)

    def release(self, pin):
        """Makes a pin an input from outside, as it is after a power cut."""
        register = FUNCTION_SELECT + 4 * (pin // 10)
        self.write(register, self.word(register) & ~(7 << 3 * (pin % 10)))

    def write(self, address, value):
        """Sets a register from outside."""
        with self.alone:
            self.inputs.write(f"writel {address:#x} {value:#x}\n".encode())
            self.inputs.flush()
            while not self.inputs.readline().startswith(b"OK"):
                pass

    @contextlib.contextmanager
    def traced(self):
        """A list that has afterwards what was written into the registers of the pins meanwhile, in this order: address and value."""
        written, log = [], self.folder / "trace.log"
        begin = log.stat().st_size if log.exists() else 0
        switch = lambda on: self.ask("trace-event-set-state", name="memory_region_ops_write", enable=on)
        switch(True)
        try:
            yield written
        finally:
            switch(False)
            with log.open(errors="replace") as lines:
                lines.seek(begin)
                found = (re.search(r"addr (0x[0-9a-f]+) value (0x[0-9a-f]+) .*'bcm2835_gpio'", line) for line in lines)
                written.extend((int(one[1], 16), int(one[2], 16)) for one in found if one)

    def plugged(self, there):
        """Lets the reader's adapter go and come, as the kernel sees it: QEMU ends where one is taken away that a program has open."""
        self.run(
            "for one in /sys/bus/usb/devices/*; do "
            f'if [ "$(cat $one/idVendor 2>/dev/null)" = 0403 ]; then echo {int(there)} >$one/authorized; fi; done'
        )

    def run(self, command, timeout=60):
        """Exit status and output of a command of the guest's shell."""
        self.tags += 1
        tag = f"<{self.tags}>"
        # In two pieces, so that the echo of the command is not taken for its end.
        self.console.send(f"{command}; echo '{tag[:-1]}'\"> $?;\"\n".encode())
        output = self.console.until(f"{tag} ".encode(), timeout)
        status = self.console.until(b";", timeout)
        self.console.until(PROMPT, timeout)
        text = output.decode("utf-8", "replace").replace("\r", "")
        return int(status), text.partition("\n")[2].rstrip("\n")

    def start(self, command, log):
        """Starts a command in the background."""
        self.run(f"{command} >{log} 2>&1 & echo $! >{log}.pid")

    def kill(self, log, signal="KILL"):
        """Ends what `start` has started, and waits until it is gone."""
        self.run(f"kill -{signal} $(cat {log}.pid); wait $(cat {log}.pid)")

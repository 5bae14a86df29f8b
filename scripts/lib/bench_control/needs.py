"""Says what must be there before a run: SUMO's version, then the crates to build. The shell asks."""

import sys

from . import options


def main() -> None:
    wanted = options.parse(sys.argv[1:])
    crates = []
    if options.PRODUCT in wanted.controllers and not wanted.no_build and not wanted.self_check:
        if not wanted.agent:
            crates.append("flextraff-agent")
        if not wanted.server and not wanted.no_server:
            crates.append("flextraff-server")
    print(wanted.sumo)
    print(*crates)


if __name__ == "__main__":
    main()

"""The systemd units of a junction, tried in a container that boots: `street` sees the lamps, `machine` is the container,
`scenes` is what happens to it."""

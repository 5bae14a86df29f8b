"""Many runs, each in a process of its own, as many at a time as there are jobs."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection

from .network import Network
from .run import Job, run


def run_all(jobs: list[Job], network_of: Callable[[Job], Network], at_a_time: int) -> Iterator[tuple[Job, dict]]:
    """Runs all jobs; yields each with its row when that is there. Interrupted, it ends the runs that are under way."""
    # Forked, so that a net is read once and not once a run.
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(jobs))
    running: dict[int, tuple] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_a_time:
                job = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(job, network_of(job), sender), daemon=True)
                process.start()
                sender.close()
                running[process.sentinel] = (process, receiver, job)
            ready = connection.wait([receiver for _, receiver, _ in running.values()])
            for sentinel, (process, receiver, job) in list(running.items()):
                if receiver in ready:
                    del running[sentinel]
                    yield job, _row(process, receiver, job)
    finally:
        for process, _, _ in running.values():
            process.terminate()


def _row(process, receiver, job: Job) -> dict:
    try:
        row = receiver.recv()
    except EOFError:
        row = None
    receiver.close()
    process.join()
    if row is None:
        why = f"the process of the run ended with status {process.exitcode}"
        row = {"net": job.scenario.name, "controller": job.controller, "seed": job.seed, "error": why}
    return row


def _work(job: Job, network: Network, sender) -> None:
    try:
        row = run(job, network)
    except KeyboardInterrupt:
        return
    except Exception as error:  # noqa: BLE001 - a row says what went wrong, the other runs go on
        row = {
            "net": job.scenario.name,
            "controller": job.controller,
            "seed": job.seed,
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc()[-2000:],
        }
    sender.send(row)
    sender.close()

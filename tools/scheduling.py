"""Runs jobs concurrently, by what each needs of the machine."""
import concurrent.futures
import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any

RUNNING_MAX = 8  # however few processors they need: each uses memory


@dataclasses.dataclass
class Job:
    name: str
    run: Callable[[], Any]
    cpu: float = 1  # how many processors it keeps busy; a fraction if it mostly waits
    seconds: float = 0  # expected duration


def run_concurrently(jobs: list[Job]) -> Iterator[tuple[Job, Any]]:
    """Yields each job and its result as it finishes. The longest jobs start first; a job that needs more processors than are free is
    overtaken by those that fit."""
    waiting = sorted(jobs, key=lambda job: -job.seconds)
    running: dict[concurrent.futures.Future, Job] = {}
    processors = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(RUNNING_MAX) as pool:
        while waiting or running:
            free = processors - sum(job.cpu for job in running.values())
            for job in waiting[:]:
                if len(running) < RUNNING_MAX and (job.cpu <= free + 1e-6 or not running):
                    waiting.remove(job)
                    running[pool.submit(job.run)] = job
                    free -= job.cpu
            finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                yield running.pop(future), future.result()

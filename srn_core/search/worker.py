"""A process that runs trials: ``python -m srn_core.search.worker``.

It reads one JSON object a line from standard input, first the volume's source, then jobs, and answers with JSON objects
on standard output: ``ready``, then for each job ``progress`` and at last ``done``, ``failed`` or ``hopeless``. When its
input ends, as it does when the search is killed, it ends too.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from typing import Any, Callable, Mapping, Optional, Sequence

from srn_core.progress import Progress

Send = Callable[[dict[str, Any]], None]

TELL_EVERY = 0.5
"""Seconds between two reports of progress."""
JUDGED_FROM, EARLY_FROM = 0.7, 0.4
"""Shares of a job from which on the PSNR estimate is held against the floor, and against the early one: while a network
is pruned, its estimate is far below what fine-tuning makes of it."""


class Hopeless(Exception):
    """The trial is so far below the front that it need not be finished."""

    def __init__(self, psnr: float, floor: float) -> None:
        super().__init__(f"about {psnr:.1f} dB, where at least {floor:.1f} dB were to be expected of it")
        self.psnr = psnr


def run_job(volume: Any, job: Mapping[str, Any], send: Send) -> None:
    """Run one trial and tell its end.

    Args:
        job: ``settings`` (dotted), ``floors`` (dB below which it is hopeless, early and late, or None), ``save`` (a
            path, or None).
    """
    from srn_core.api import compress
    from srn_core.compression import component_ranges
    from srn_core.errors import SrnError
    from srn_core.search.objectives import measured_of
    from srn_core.search.space import config_of

    told = 0.0
    floors: Optional[Sequence[float]] = job.get("floors")

    def progress(report: Progress) -> bool:
        nonlocal told
        if floors is not None and report.psnr is not None and report.fraction >= EARLY_FROM:
            floor = floors[report.fraction >= JUDGED_FROM]
            if report.psnr < floor:
                raise Hopeless(report.psnr, floor)
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            send({"event": "progress", "fraction": report.fraction, "psnr": report.psnr})
        return True

    try:
        begun = time.process_time()
        result = compress(volume, job.get("save"), config=config_of(job["settings"]), progress=progress)
    except Hopeless as error:
        send({"event": "hopeless", "reason": str(error), "psnr": error.psnr})
    except SrnError as error:
        send({"event": "failed", "reason": str(error)})
    except MemoryError:
        send({"event": "failed", "reason": "the memory of this machine is not enough for this"})
    except Exception as error:  # one trial must not end the search
        send({"event": "failed", "reason": f"{type(error).__name__}: {error}"})
    else:
        ranges = component_ranges(volume, volume.validity())
        measured = measured_of(result.report, max(high - low for low, high in ranges))
        # What it takes on a core of its own, whatever else the machine has to do.
        measured["cpu_seconds"] = round(time.process_time() - begun, 3)
        send({"event": "done", "measured": measured})


def main() -> int:
    """Serve one search until its input ends."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # What libraries print must not come between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    orders: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()

    def send(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    from srn_core.io import read_volume

    source = orders.get()
    volume = read_volume(source["path"], source.get("array"), **source.get("options", {}))
    try:
        import torch

        torch.set_num_threads(1)
    except ModuleNotFoundError:
        pass  # compress() says what is missing, and for what
    send({"event": "ready"})
    while True:
        run_job(volume, orders.get(), send)


def _listen(orders: queue.Queue[Any]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)  # whoever asked is gone: nobody waits for a result


if __name__ == "__main__":
    sys.exit(main())

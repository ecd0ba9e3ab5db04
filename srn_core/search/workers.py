"""Several workers at once: jobs go in, their ends come out, and none outlives its time limit or the search."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, Optional

from srn_core.errors import SrnInputError
from srn_core.search.interpreter import interpreter

STARTUP_LIMIT = 600.0
"""Seconds in which a worker must have imported torch and read the volume."""
LOG = "workers.log"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass
class Ended:
    """The end of a job."""

    job: Any
    status: str
    reason: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    psnr: Optional[float] = None
    """The last estimate of a hopeless one."""


class _Worker:
    def __init__(self, source: Mapping[str, Any], log: Path, inbox: queue.Queue[Any]) -> None:
        python, paths = interpreter()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **dict.fromkeys(THREADS, "1")}
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [python, "-m", "srn_core.search.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is the search's to hear
            )
        self.ready = False
        self.job: Any = None
        self.begun = time.monotonic()
        self.fraction = 0.0
        self.psnr: Optional[float] = None
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()
        self._tell(source)

    def start(self, job: Any, order: Mapping[str, Any]) -> None:
        self.job, self.fraction, self.psnr = job, 0.0, None
        self.begun = time.monotonic()
        self._tell(order)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass

    def _tell(self, order: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it is gone, which the thread that listens tells

    def _listen(self, inbox: queue.Queue[Any]) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                inbox.put((self, json.loads(line)))
        except ValueError:
            pass  # cut off in the middle of a line, or closed
        inbox.put((self, {"event": "gone"}))


class Workers:
    """A pool of worker processes; a context, at whose end all of them are gone.

    Args:
        source: ``path``, ``array`` and ``options`` of :func:`srn_core.io.read_volume`.
        limit: seconds after which a job is killed.
        folder: where the workers' own messages are kept (``workers.log``).
    """

    def __init__(self, count: int, source: Mapping[str, Any], limit: float, folder: Path) -> None:
        self._source, self._limit, self._log = source, limit, folder / LOG
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._workers: list[_Worker] = []
        self._count = count

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for worker in self._workers:
            worker.kill()

    @property
    def busy(self) -> list[Any]:
        """Jobs under way, in the order in which their workers were started."""
        return [worker.job for worker in self._workers if worker.job is not None]

    @property
    def fractions(self) -> list[float]:
        """How far each of them is, 0 to 1."""
        return [worker.fraction for worker in self._workers if worker.job is not None]

    @property
    def idle(self) -> int:
        """How many more jobs could start now."""
        return self._count - len(self.busy)

    def start(self, job: Any, order: Mapping[str, Any]) -> None:
        """Start a job on an idle worker; ``job`` comes back with its end."""
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            worker = _Worker(self._source, self._log, self._inbox)
            self._workers.append(worker)
        worker.start(job, order)

    def wait(self, seconds: float) -> list[Ended]:
        """What ended, after at most so many seconds. Raises SrnInputError where no worker can be started at all."""
        ended: list[Ended] = []
        try:
            ended += self._heard(*self._inbox.get(timeout=seconds))
            while True:
                ended += self._heard(*self._inbox.get_nowait())
        except queue.Empty:
            pass
        return ended + self._overdue()

    def _heard(self, worker: _Worker, message: Mapping[str, Any]) -> list[Ended]:
        if worker not in self._workers:
            return []  # killed, and its pipe has just closed
        event = message["event"]
        if event == "ready":
            worker.ready, worker.begun = True, time.monotonic()
        elif event == "progress":
            worker.fraction, worker.psnr = message["fraction"], message["psnr"]
        elif event == "gone":
            return self._gone(worker)
        else:
            done = Ended(
                worker.job,
                event,
                message.get("reason", ""),
                message.get("measured", {}),
                _since(worker.begun),
                message.get("psnr"),
            )
            worker.job = None
            return [done]
        return []

    def _gone(self, worker: _Worker) -> list[Ended]:
        worker.kill()
        self._workers.remove(worker)
        code = worker.process.returncode
        if not worker.ready:
            raise SrnInputError(f"a process for trials ended before it began (exit code {code}): {self._last_words()}")
        if worker.job is None:
            return []
        reason = f"its process ended (exit code {code}): {self._last_words()}"
        return [Ended(worker.job, "failed", reason, {}, _since(worker.begun))]

    def _overdue(self) -> list[Ended]:
        ended = []
        for worker in list(self._workers):
            if worker.job is None:
                continue
            seconds = _since(worker.begun)
            if not worker.ready:
                if seconds > STARTUP_LIMIT:
                    raise SrnInputError(f"a process for trials did not begin within {STARTUP_LIMIT:g} s")
            elif seconds > self._limit:
                worker.kill()
                self._workers.remove(worker)
                ended.append(
                    Ended(worker.job, "killed", f"not finished after {self._limit:g} s (--limit)", {}, seconds)
                )
        return ended

    def _last_words(self) -> str:
        try:
            lines = self._log.read_bytes()[-4096:].decode("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else f"see {LOG}"


def _since(begun: float) -> float:
    return time.monotonic() - begun

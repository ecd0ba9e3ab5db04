"""The methods of a comparison: ours with any settings and time budget, and the peers."""

from __future__ import annotations

import platform
import re
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata, util
from pathlib import Path
from typing import Callable, Mapping, Sequence

import numpy as np
from measurements import Row
from originals import Original
from peers import PEERS, Peer
from rate_search import RateSearch

import srn_core
from srn_core.api import SHORT
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError, SrnMissingPackageError

OURS = "ours"
WARM_DECODES = 3
GIVEN_ELSEWHERE = {
    "target.": "--ratios gives the targets",
    "training.seconds": "--seconds gives the time budgets",
    "device": "--device gives it",
}
"""Settings that a method's name may not hold, by how they begin."""

Measure = Callable[[float], Row]


class Method(ABC):
    """Something that makes a file of a volume within given bytes."""

    name: str
    seconds = ""
    """Time budget of ours as the table has it; "" where there is none."""

    @abstractmethod
    def check(self) -> None:
        """Raises SrnInputError or SrnMissingPackageError where the method cannot run here."""

    @abstractmethod
    def on(self, original: Original) -> Measure:
        """What measures the method on a volume: a ratio in, the row out."""

    def row(self, original: Original, ratio: float) -> Row:
        """The columns that are known before anything is measured."""
        today = datetime.now(timezone.utc).date().isoformat()
        asked = {"method": self.name, "ratio_asked": f"{ratio:g}", "seconds": self.seconds, "date": today}
        return {**original.described(), **asked}


class PeerMethod(Method):
    """A classical codec at the finest setting that still fits."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.name = peer.method

    def check(self) -> None:
        self.peer.check()

    def on(self, original: Original) -> Measure:
        search = RateSearch(self.peer, original.filled(), original.squared_error)

        def measure(ratio: float) -> Row:
            row = {
                **self.row(original, ratio),
                "device": f"cpu ({platform.machine()})",
                "threads": "1",
                "version": f"{self.peer.version()}, numpy {np.__version__}",
            }
            found = search.within(original.allowed(ratio))
            if found is None:
                return {**row, "note": "no setting found whose result fits and decodes"}
            data, shape = found.data, search.values.shape
            decoded, seconds = best_decode(lambda: self.peer.decode(data, shape))
            figures = original.measured(len(data), original.restored(decoded), found.encode_seconds, seconds)
            return {**row, **figures, "settings": found.setting}

        return measure


@dataclass(frozen=True)
class Ours(Method):
    """Our own compression, trained for some seconds."""

    name: str
    settings: Mapping[str, str]
    budget: float
    """Seconds of training."""
    device: str = "auto"
    threads: int = 1

    @property
    def seconds(self) -> str:  # type: ignore[override]
        return f"{self.budget:g}"

    def check(self) -> None:
        if util.find_spec("torch") is None:
            raise SrnMissingPackageError("torch", "Compressing with ours", "train")

    def on(self, original: Original) -> Measure:
        import torch

        torch.set_num_threads(self.threads)

        def measure(ratio: float) -> Row:
            row = {
                **self.row(original, ratio),
                "device": self.device,
                "threads": str(self.threads),
                "settings": " ".join(f"{k}={v}" for k, v in self.settings.items()),
                "version": ", ".join(
                    [f"paraview-srn {srn_core.__version__}", *versions("torch", "onnxruntime", "numpy")]
                ),
            }
            allowed = original.allowed(ratio)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "volume.srn")
                begin = time.perf_counter()
                try:
                    result = srn_core.compress(
                        original.volume, path, bytes=allowed, seconds=self.budget, device=self.device, **self.settings
                    )
                except SrnInputError as error:
                    return {**row, "note": str(error)}
                encode_s = time.perf_counter() - begin
                nbytes, file = path.stat().st_size, srn_core.load(path, threads=self.threads)
            row["device"] = f"{_device(result.report['device'])}, decoder {file.providers[0]}"
            if nbytes > allowed:
                return {**row, "note": f"the file has {nbytes} bytes, {allowed} were allowed"}
            # The decoder's session is made once and stays, as in an application that keeps the file open.
            decoded, seconds = best_decode(lambda: file.decode().values)
            return {
                **row,
                **original.measured(nbytes, decoded.reshape(original.volume.values.shape), encode_s, seconds),
            }

        return measure


def parsed(texts: Sequence[str], seconds: Sequence[float], device: str, threads: int) -> list[Method]:
    """The methods of ``ours``, ``ours:KEY=VALUE,KEY=VALUE`` and the peers' names; ours once for each time budget.

    Raises SrnInputError for a method or a setting that is not known.
    """
    methods: dict[tuple[str, str], Method] = {}
    for text in texts:
        head, colon, tail = text.strip().partition(":")
        if head in PEERS and not colon:
            made: list[Method] = [PeerMethod(PEERS[head]())]
        elif head == OURS:
            settings = our_settings(tail) if colon else {}
            name = OURS + (":" + ",".join(f"{k}={v}" for k, v in settings.items()) if settings else "")
            made = [Ours(name, settings, budget, device, threads) for budget in seconds]
        else:
            raise SrnInputError(
                f"unknown method '{text}'; known methods: {OURS}, {OURS}:KEY=VALUE,..., {', '.join(PEERS)}"
            )
        methods.update({(m.name, m.seconds): m for m in made})
    return list(methods.values())


def our_settings(text: str) -> dict[str, str]:
    """The settings after ``ours:``, by their full names in alphabetical order. Raises SrnInputError for wrong ones."""
    settings = {}
    # A comma parts two settings where a name and '=' follow; others belong to a value, as in 16,16,16.
    for pair in re.split(r",(?=\s*[\w.]+\s*=)", text):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise SrnInputError(f"'{OURS}:{text}': settings are KEY=VALUE, with commas between them")
        key = SHORT.get(key, key)
        for start, why in GIVEN_ELSEWHERE.items():
            if key.startswith(start):
                raise SrnInputError(f"'{OURS}:{text}': '{key}' is no part of a method; {why}")
        settings[key] = value
    CompressConfig().with_settings(settings)
    return dict(sorted(settings.items()))


def best_decode(decode: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """The result and the least seconds of some decodes after a first one."""
    result = decode()
    seconds = []
    for _ in range(WARM_DECODES):
        begin = time.perf_counter()
        result = decode()
        seconds.append(time.perf_counter() - begin)
    return result, max(min(seconds), 1e-9)


def versions(*distributions: str) -> list[str]:
    """Names and versions of those that are installed."""
    found = []
    for name in distributions:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:  # onnxruntime-gpu stands in for onnxruntime
            continue
    return found


def _device(name: str) -> str:
    if name.startswith("cuda"):
        import torch

        return f"{name} ({torch.cuda.get_device_name()})"
    return f"{name} ({platform.machine()})"

"""Ctrl-C: the first asks the job to end with what it has, the second ends it at once."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Callable, Optional


class Interrupt:
    """While entered, the first Ctrl-C calls ``first`` and sets ``asked``; the second raises KeyboardInterrupt."""

    def __init__(self, first: Callable[[], None]) -> None:
        self.asked = False
        self._first = first
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: Optional[FrameType]) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._first()

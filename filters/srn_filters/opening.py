"""How neural files are opened for decoding: on what, and with how many threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import srn_core
from srn_filters.algorithm import NeuralAlgorithm, setting, text

if TYPE_CHECKING:
    from srn_core.api import NeuralFile

AUTO = "auto"


class OpeningAlgorithm(NeuralAlgorithm):
    """An algorithm that decodes neural files. Algorithms with equal settings share what is opened."""

    _provider = AUTO
    _threads = 0

    SetProvider = setting("_provider", lambda name: text(name) or AUTO)
    SetThreads = setting("_threads", int)

    def open_file(self, content: bytes) -> NeuralFile:
        """The neural file of these bytes. Raises SrnFormatError where they are none."""
        provider = None if self._provider == AUTO else self._provider
        return srn_core.load(content, providers=provider, threads=self._threads or None)

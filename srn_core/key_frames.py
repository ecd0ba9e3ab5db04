"""Which time steps of a file are key frames, stored whole, and to which steps the others are added."""

from __future__ import annotations

from typing import Optional, Sequence

from srn_core.compression import CompressResult
from srn_core.config import CompressConfig, by_rate
from srn_core.mesh import Sampled
from srn_core.step_before import StepBefore
from srn_core.volume import Volume

Key = tuple[str, str, str]
"""Name, association and block of an array."""


class KeyFrames:
    """The steps that a series has so far, as far as the next one may be stored as a difference to them.

    Only an fv-SRN by rate is; and no step whose key frame would be further away than the settings allow.
    """

    def __init__(self, steps: int, config: CompressConfig) -> None:
        """``steps``: how many there will be."""
        self.adds_to: list[Optional[int]] = []
        """Of each field so far, the number of the one that it is added to; None: it is whole."""
        self._steps, self._every = steps, config.series.key_every if by_rate(config) else 1
        self._done = 0
        self._known: dict[Key, tuple[int, StepBefore]] = {}

    def before(self, volumes: Sequence[Sampled]) -> list[Optional[StepBefore]]:
        """Of each array of the next step, the step before it; None where it is to be a key frame."""
        found = [self._known.get(_key_of(volume)) if isinstance(volume, Volume) else None for volume in volumes]
        return [None if known is None else known[1] for known in found]

    def add(self, result: CompressResult) -> None:
        """The next step is done."""
        reports = result.report.get("arrays", [result.report])
        self._done += 1
        known, self._known = self._known, {}
        for place, (field, report) in enumerate(zip(result.file.fields, reports)):
            key, number = (field.name, field.geometry.association, field.block), len(self.adds_to)
            below, before = known[key] if not report.get("key_frame", True) else (None, None)
            self.adds_to.append(below)
            depth = 0 if before is None else before.depth + 1
            if self._done < self._steps and depth + 1 < self._every:
                step = StepBefore.of(result.file, place, before)
                if step is not None:
                    self._known[key] = number, step


def _key_of(volume: Volume) -> Key:
    return volume.name, volume.geometry.association, volume.block

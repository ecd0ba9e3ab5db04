"""Finished compressions of this process, by what they depend on: nothing trains on every little change."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

REMEMBERED_BYTES = 1 << 28
"""Bytes of finished files that are kept, oldest dropped first: going back and forth in time trains each step once."""
Extents = Tuple[Tuple[str, Tuple[int, ...]], ...]
"""Name and point extent of each block; of what has no blocks "" and its extent, of a mesh ()."""


@dataclass(frozen=True)
class Made:
    """What one compression gave."""

    content: bytes
    report: Mapping[str, Any]
    history: Mapping[str, Any]
    drop_rates: Mapping[str, Any]
    extents: Mapping[float, Extents] = field(default_factory=dict)
    """Of a file with all time steps: time -> the extents of the input."""


class Finished:
    """Key (see :mod:`srn_filters.training_key`) -> what was made, for all filters of a process: a state that
    is loaded again, or a copy of a filter, finds what the first one made."""

    def __init__(self, most_bytes: int = REMEMBERED_BYTES) -> None:
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._most = most_bytes

    def find(self, key: str) -> Optional[Made]:
        """What was made for a key, if anything is known of it."""
        if key in self._made:
            self._made.move_to_end(key)
        return self._made.get(key)

    def keep(self, key: str, made: Made) -> None:
        """Remember."""
        self._made[key] = made
        self._made.move_to_end(key)
        while len(self._made) > 1 and sum(len(one.content) for one in self._made.values()) > self._most:
            self._made.popitem(last=False)

    def forget(self, key: str) -> None:
        """Make it anew next time."""
        self._made.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._made.clear()


FINISHED = Finished()

"""Processes that each have some bricks of a volume, and what they tell each other."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Callable, Optional, Sequence, TypeVar

from srn_core.errors import SrnInputError

Made = TypeVar("Made")
FINE, FAILED = b"+", b"-"


class Team(ABC):
    """The members do the same things in the same order; each has a rank."""

    rank: int = 0
    size: int = 1

    @abstractmethod
    def gathered(self, mine: bytes) -> list[bytes]:
        """What each member says, by rank, for all of them."""

    def told(self, mine: Any) -> list[Any]:
        """As :meth:`gathered`, of JSON."""
        return [json.loads(said) for said in self.gathered(json.dumps(mine).encode())]

    def together(self, work: Callable[[], Made]) -> Made:
        """The result of this member's work, once all have done theirs. Where one of them fails, all do.

        Raises what the work here raises; SrnInputError with the words of another one where that failed.
        """
        error: Optional[Exception] = None
        try:
            made = work()
        except Exception as raised:
            error = raised
        words = b"" if error is None else (str(error) or type(error).__name__).encode()
        said = self.gathered(FINE if error is None else FAILED + words)
        if error is not None:
            raise error
        for rank, answer in enumerate(said):
            if answer[:1] == FAILED:
                raise SrnInputError(f"rank {rank}: {answer[1:].decode('utf-8', 'replace')}")
        return made


class Alone(Team):
    """One process that has all bricks."""

    def gathered(self, mine: bytes) -> list[bytes]:
        """What it says itself."""
        return [mine]


def flat(said: Sequence[Sequence[Any]]) -> list[Any]:
    """What the members say of their bricks, as what is said of all bricks."""
    return [one for some in said for one in some]

"""What proposes the next trial. A generator holds no state: same seed, index and results, same proposal.

So a search that was cut off goes on as it would have gone on, and nothing but the journal has to be kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Mapping, Sequence, Tuple

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.prediction.domains import Scalar
from srn_core.search.objectives import Objective
from srn_core.search.space import Space
from srn_core.search.trial import Trial

GENERATORS = ("ax", "sobol")


@dataclass(frozen=True)
class Known:
    """What a proposal may go by."""

    finished: Sequence[Trial]
    """Trials of the search, whatever their end, by index."""
    running: Sequence[Mapping[str, Any]]
    """Parameters of trials that are under way."""


class Generator(ABC):
    """Proposes parameters. Indices count from the first trial that is proposed, not from the defaults before it."""

    def __init__(self, space: Space, objectives: Tuple[Objective, Objective], seed: int, start: int) -> None:
        """``start``: how many trials, the first ones, are spread evenly without regard to results."""
        self.space, self.objectives, self.seed, self.start = space, objectives, seed, start

    @abstractmethod
    def propose(self, index: int, known: Known) -> dict[str, Scalar]:
        """Parameters of the trial with this index."""

    def origin(self, index: int, known: Known) -> str:
        """What such a proposal comes from, for the tables: a name of :data:`GENERATORS`."""
        return "sobol"


class SobolGenerator(Generator):
    """Points of a scrambled Sobol sequence: evenly spread, whatever comes out."""

    def propose(self, index: int, known: Known) -> dict[str, Scalar]:
        """The point with this index."""
        try:
            from torch.quasirandom import SobolEngine
        except ModuleNotFoundError as error:
            raise SrnMissingPackageError(error.name or "torch", "A search", "train") from error
        engine = SobolEngine(len(self.space.names), scramble=True, seed=self.seed)
        if index:
            engine.fast_forward(index)
        return self.space.at([float(share) for share in engine.draw(1)[0]])


def generator(name: str, space: Space, objectives: Tuple[Objective, Objective], seed: int, start: int) -> Generator:
    """A generator by name. Raises SrnInputError for an unknown one, SrnMissingPackageError where Ax is not there."""
    if name == "sobol":
        return SobolGenerator(space, objectives, seed, start)
    if name == "ax":
        from srn_core.search.ax_generator import AxGenerator

        return AxGenerator(space, objectives, seed, start)
    raise SrnInputError(f"unknown generator '{name}'; known generators: {', '.join(GENERATORS)}")

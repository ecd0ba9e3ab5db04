"""What a file must not exceed: bytes on disk, or the number of its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.fitting.storage import Precision, Storage

if TYPE_CHECKING:
    from srn_core.networks import SceneNetwork

SAFETY = 24
"""Bytes kept free for what is written last: the measured quality may deflate worse than its stand-in."""
SECTION_TABLE = 250
"""What spec, array table and section heads add to the header of an empty file, about."""


class Target(ABC):
    """A size, in its own unit, and what is measured in it."""

    def __init__(self, storage: Storage, most: int) -> None:
        self.storage, self.most = storage, most

    slack = 1.0
    """How much larger than the target a network may be before fine-tuning."""

    @abstractmethod
    def size_of(self, network: SceneNetwork, precision: Precision) -> float:
        """The network's size, to be compared with ``most``."""

    @abstractmethod
    def fits(self, field: NeuralField) -> bool:
        """Whether a finished field keeps to the target."""

    @abstractmethod
    def estimate(self, numbers: float) -> float:
        """About the size that so many numbers make, in no time."""

    @abstractmethod
    def refusal(self, size: int) -> str:
        """What to say where even an empty network has this size; ends in what to ask for instead."""

    def check(self, smallest: SceneNetwork) -> None:
        """Refuse a target that even an empty network misses, before any time is spent on training.

        Raises SrnInputError.
        """
        size = int(self.size_of(smallest, Precision()))
        if size > self.most:
            raise SrnInputError(f"{self.refusal(size)}, or for a narrower network ({smallest.spec().kind}.width)")


class BytesTarget(Target):
    """At most so many bytes on disk."""

    # What is fine-tuned packs a little smaller than what was just cut, and its precision is chosen last.
    slack = 1.02

    def room(self) -> int:
        """Bytes that are left for a network's numbers: the target less header, mask and section table."""
        return self.most - len(codec.to_bytes([self.storage.template])) - SECTION_TABLE

    def size_of(self, network: SceneNetwork, precision: Precision) -> float:
        """Bytes of the file, with what is kept free."""
        return self.storage.bytes_of(network, precision) + SAFETY

    def fits(self, field: NeuralField) -> bool:
        """Whether its file is small enough."""
        return len(codec.to_bytes([field])) + SAFETY <= self.most

    def estimate(self, numbers: float) -> float:
        """Bytes of numbers with 7 bits each."""
        return numbers * 0.875

    def refusal(self, size: int) -> str:
        """In bytes."""
        return (
            f"the file may have at most {self.most} bytes, but the smallest one this network can make has "
            f"about {size}; ask for a lower ratio (or more bytes)"
        )


class ParameterTarget(Target):
    """At most so many numbers that are not zero: what the thesis counts."""

    def size_of(self, network: SceneNetwork, precision: Precision) -> float:
        """Numbers that are not zero, before they are quantised."""
        return float(sum(int(np.count_nonzero(values)) for values in network.arrays().values()))

    def fits(self, field: NeuralField) -> bool:
        """Whether it has few enough."""
        return field.parameters() <= self.most

    def estimate(self, numbers: float) -> float:
        """The numbers themselves."""
        return numbers

    def refusal(self, size: int) -> str:
        """In parameters."""
        return (
            f"the network may have at most {self.most} parameters, but the smallest one has {size}; ask for a "
            "lower parameter ratio"
        )


def target_of(config: CompressConfig, storage: Storage, most_bytes: int, values: int) -> Target:
    """The target that the settings name, for an array of so many values."""
    if config.target.parameter_ratio is not None:
        return ParameterTarget(storage, int(values / config.target.parameter_ratio))
    return BytesTarget(storage, most_bytes)

"""A decoded time step, to which the next one may be stored as a difference."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np

from srn_core import codec
from srn_core.bricks.decoding import decoding_of
from srn_core.codec import NeuralField
from srn_core.codec.added import MOST_ADDED, can_be_added, in_other_range, near_enough
from srn_core.decoding import wanted_grid
from srn_core.rate.coding import Base
from srn_core.spec import FvSrnSpec, PyramidSpec
from srn_core.volume import Volume

if TYPE_CHECKING:
    from onnx_export.latents import Latents
    from srn_core.neural_file import NeuralFile

MOST_WIDER = 4.0
"""So many times wider than a step's range may the range be that it is stored as a difference to, and so far from it:
beyond that, rounding to float32 would begin to tell."""


class StepBefore:
    """A time step of an array as the shipped decoder gives it back, its plateau and its corrections left out."""

    def __init__(self, field: NeuralField, latents: Latents, digest: bytes, before: Optional[StepBefore]) -> None:
        """``latents``: of ``field``, finished. ``before``: the step that this one is added to."""
        self.field, self._latents = field, latents
        self.digest = digest
        """Of all that a step may be added to: the same for equal ones alone."""
        self.depth: int = 0 if before is None else before.depth + 1
        """Steps that have to be decoded before this one."""
        self._span: float = max(high - low for low, high in field.value_range) + (
            0.0 if before is None else before._span
        )

    @classmethod
    def of(cls, file: NeuralFile, number: int, before: Optional[StepBefore] = None) -> Optional[StepBefore]:
        """A field of a file, which is added to the step ``before``; None where no step can be added to it."""
        from onnx_export.decoder import Decoder

        field = codec.from_bytes(file.to_bytes(), lazy=True)[number]
        if not can_be_added(field.spec, field.spec) or field.mesh is not None:
            return None
        if before is not None:
            field = replace(field, adds_to=before.field)
        latents = Decoder(field, below=None if before is None else lambda level: before._latents).latents()
        assert latents is not None
        latents.whole()
        said = repr((number, file.digest, None if before is None else before.digest)).encode()
        return cls(field, latents, blake2b(said).digest(), before)

    def suits(self, step: NeuralField) -> bool:
        """Whether a step, which has no network yet, may be stored as a difference to this one: voxels of the same type
        on the same grid, with values at the same places, over a range that is not much smaller."""
        field, valid = self.field, self.field.valid
        same = ("geometry", "dtype", "vector", "block", "name", "blanked")
        if self.depth >= MOST_ADDED or any(getattr(step, name) != getattr(field, name) for name in same):
            return False
        if len(step.value_range) != len(field.value_range):
            return False
        if step.valid is None or valid is None:
            if step.valid is not valid:
                return False
        elif not np.array_equal(step.valid, valid):
            return False
        return near_enough(field.value_range, step.value_range, MOST_WIDER)

    def base(self, value_range: Sequence[Sequence[float]]) -> Base:
        """What is added to a step over this range, normalised over it, and how its latents have to be split."""
        spec = self.field.spec
        assert isinstance(spec, FvSrnSpec) and isinstance(spec.wavelet, PyramidSpec)
        factor, offset = in_other_range(self.field.value_range, value_range)
        grid = self._latents.whole() * factor[:, None, None, None] + offset[:, None, None, None]
        return Base(grid.astype(np.float32), spec.wavelet.groups, self._span)

    def decoded_with(self, step: NeuralField, dtype: Union[str, np.dtype[Any], None] = None) -> Volume:
        """A step that is stored as the difference to this one, packed and decoded by the shipped decoder."""
        from onnx_export.decoder import Decoder

        (packed,) = codec.from_bytes(codec.to_bytes([step]), lazy=True)
        field = replace(packed, adds_to=self.field)
        decoder = Decoder(field, below=lambda level: self._latents)
        return decoding_of(field, decoder, wanted_grid(field), dtype).volume()

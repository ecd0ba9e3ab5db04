"""Fields that are added one to the other: time steps stored as differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Sequence

import numpy as np

from srn_core.codec import NeuralField, StoredArray, quantise
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry


def added_step(
    number: int,
    before: Optional[NeuralField] = None,
    dims: tuple[int, int, int] = (14, 11, 9),
    filter_: tuple[int, ...] = (),
    components: int = 1,
    levels: int = 2,
    **more: Any,
) -> NeuralField:
    """A step by rate, of random coefficients; ``before``: the field that it is added to."""
    generator = np.random.default_rng(number)
    geometry, (x, y, z) = Geometry(dims, (1.0, 2.0, 3.0), (0.5, 0.25, 2.0)), dims
    pyramid = pyramid_of("bior4.4" if number % 2 else "bior2.2", (("zyx", levels),))
    spec = FvSrnSpec(geometry.half_extent, components, (), 0, components, (z, y, x), pyramid, skip=True, filter=filter_)
    arrays = {name: quantise(0.1 * generator.normal(size=shape), 8) for name, shape in spec.filter_shapes().items()}
    codes = np.rint(3 * generator.laplace(size=(components, z, y, x))).astype(np.int32)
    arrays = {"coefficients": StoredArray(codes, 25, step=0.03125), **arrays}
    known: dict[str, Any] = {
        "value_range": tuple((-1.0 + 0.1 * number + c, 2.0 + 0.25 * number + c) for c in range(components)),
        "name": "pressure",
        "dtype": "float32",
        "time": float(number),
        "vector": components > 1,
        "adds_to": before,
    }
    return NeuralField(spec, arrays, geometry, **{**known, **more})


def chain(filters: Sequence[tuple[int, ...]], **more: Any) -> list[NeuralField]:
    """Steps, each added to the one before, with these filters."""
    found: list[NeuralField] = []
    for number, filter_ in enumerate(filters):
        found.append(added_step(number, found[-1] if found else None, filter_=filter_, **more))
    return found


def apart(fields: Sequence[NeuralField]) -> list[NeuralField]:
    """The same, none of them added to another."""
    return [replace(field, adds_to=None) for field in fields]

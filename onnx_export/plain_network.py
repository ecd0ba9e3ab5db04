"""A field's network as graphs take it: a latent grid lies ready in space, no coefficients, no filter."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, NamedTuple, Optional

import numpy as np

from onnx_export.grid_filter import filtered_grid
from onnx_export.latents import latents_of
from srn_core.codec.field import NeuralField
from srn_core.progress import ProgressCallback
from srn_core.spec import FvSrnSpec, NetworkSpec


class PlainNetwork(NamedTuple):
    """A spec and its arrays, float32; of an fv-SRN without wavelet and filter."""

    spec: NetworkSpec
    arrays: Mapping[str, np.ndarray]


def plain_network(field: NeuralField, threads: int = 1, progress: Optional[ProgressCallback] = None) -> PlainNetwork:
    """The same function as the field's, with what can be worked out beforehand worked out.

    ``threads`` and ``progress`` and what is raised: as in :func:`onnx_export.grid_filter.filtered_grid`.
    """
    arrays = {name: stored.values() for name, stored in field.arrays.items()}
    spec = field.spec
    if not isinstance(spec, FvSrnSpec):
        return PlainNetwork(spec, arrays)
    if field.adds_to is None:
        grid = filtered_grid(spec, arrays, threads, progress)
    else:
        grid = latents_of(field, spec, threads=threads).whole(progress)
    rest = {name: arrays[name] for name in spec.predictor_shapes()}
    return PlainNetwork(replace(spec, wavelet=None, filter=()), {"grid": grid, **rest})

"""A field's network for a small model: its latent grid is what the graph makes of the file's own numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from onnx_export import filter_in_graph, pyramid_in_graph, wavelet_in_graph
from onnx_export.plain_network import PlainNetwork, plain_network
from onnx_export.small_weights import SmallWriter
from srn_core.codec.field import NeuralField
from srn_core.spec import FvSrnSpec, PyramidSpec

OPENING_BYTES = 2 << 30
"""Where opening a small model takes more memory than this, a field is exported plain unless small is asked for."""
SMALL_GRID_BYTES = 8 << 10
"""A latent grid of so few bytes is hardly larger than the nodes that would make it."""
PYRAMID_NUMBERS = 10
"""Numbers that come between, for each coefficient of a pyramid."""


class SmallNetwork(NamedTuple):
    """What the graph is made with."""

    writer: SmallWriter
    network: PlainNetwork
    """Its "grid" has the right shape alone where the writer knows better."""


def small_network(field: NeuralField) -> SmallNetwork:
    """The same function as :func:`onnx_export.plain_network.plain_network`'s."""
    spec = field.spec
    if not isinstance(spec, FvSrnSpec) or not _usual(spec) or field.adds_to is not None:
        return SmallNetwork(SmallWriter(), plain_network(field))
    rest = {name: field.arrays[name].values() for name in spec.predictor_shapes()}
    shape_alone = np.broadcast_to(np.float32(0), (spec.features, *spec.grid))
    network = PlainNetwork(replace(spec, wavelet=None, filter=()), {"grid": shape_alone, **rest})
    return SmallNetwork(SmallWriter(lambda writer: _latents(writer, spec, field)), network)


def worth_packing(field: NeuralField) -> bool:
    """Whether a small model is smaller, and opens in no more memory than :data:`OPENING_BYTES`."""
    spec = field.spec
    if field.adds_to is not None:
        return False
    if isinstance(spec, FvSrnSpec) and 4 * spec.features * math.prod(spec.grid) <= SMALL_GRID_BYTES:
        return False
    return opening_bytes(field) <= OPENING_BYTES


def opening_bytes(field: NeuralField) -> int:
    """About the memory that opening the model takes: ONNX Runtime keeps all that comes between until it is done."""
    spec = field.spec
    if not isinstance(spec, FvSrnSpec):
        return 0
    each = filter_in_graph.numbers_per_latent(spec)
    each += spec.features * (PYRAMID_NUMBERS if spec.wavelet is not None else 2)
    return 5 * each * math.prod(spec.grid)


def _latents(writer: SmallWriter, spec: FvSrnSpec, field: NeuralField) -> str:
    """(1, features, z, y, x) float32: the latent grid that is interpolated."""
    shape = [1, spec.features, *spec.grid]
    if isinstance(spec.wavelet, PyramidSpec):
        array = field.arrays["coefficients"]
        numbers = writer.reshape(writer.stored(array, "coefficients", scaled=False), shape)
        step = 1.0 if array.step is None else array.step
        grid = pyramid_in_graph.synthesised(writer, numbers, (spec.features, *spec.grid), spec.wavelet, step)
    elif spec.wavelet is not None:
        grid = wavelet_in_graph.synthesised(writer, spec, spec.wavelet, field.arrays)
    else:
        grid = writer.reshape(writer.stored(field.arrays["grid"], "grid"), shape)
    return filter_in_graph.filtered(writer, grid, spec, field.arrays) if spec.filter else grid


def _usual(spec: FvSrnSpec) -> bool:
    pyramid = spec.wavelet
    return not isinstance(pyramid, PyramidSpec) or pyramid_in_graph.gains_are_usual((1, *spec.grid), pyramid)

"""fv-SRN (thesis 2.8, 2.9, 4.2) with its derivatives at points.

The latent grid is interpolated linearly, so its derivatives jump at the places of latents: see
:mod:`onnx_export.latent_slopes`.
"""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.fvsrn_graph import fourier_rows, predictor_layers
from onnx_export.graph_writer import GraphWriter
from onnx_export.jets import Jet, active_jet, dense_jet, sum_of_jets
from onnx_export.latent_slopes import point_slopes
from onnx_export.layers import SNAKE, SNAKE_POLYNOMIAL, Dense, dense
from onnx_export.point_latents import held_points, point_latents
from srn_core.spec import FvSrnSpec


def point_jet(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> Jet:
    """Input "points" (N, 3); (components, N) normalised values and their tangents."""
    rows = held_points(writer, spec.half_extent)
    grid = arrays["grid"]
    interpolated = point_latents(writer, rows, spec, grid, table_of_cells=False)
    latents = Jet(interpolated, point_slopes(writer, rows, spec, grid, interpolated))
    if not spec.widths:
        return latents
    snake = SNAKE_POLYNOMIAL if for_cpu else SNAKE
    layers = predictor_layers(spec, arrays, snake)
    fourier = fourier_rows(writer, spec.frequencies, rows)
    inputs = writer.node("Concat", rows, *fourier, latents.values, axis=0)
    tangents = _first_tangents(writer, spec, layers[0], fourier, latents.tangents)
    jet = Jet(dense(writer, layers[0], inputs, "layer0"), tangents)
    for i, layer in enumerate(layers[1:], start=1):
        jet = dense_jet(writer, layer, active_jet(writer, snake, jet), f"layer{i}")
    return sum_of_jets(writer, jet, latents) if spec.skip else jet


def _first_tangents(writer: GraphWriter, spec: FvSrnSpec, first: Dense, fourier: list[str], latents: str) -> str:
    """(3, width, N): tangents of the first pre-activation, of ``latents`` (3, features, N) and of the position.

    ``fourier``: sines and cosines of the levels 0 .. L-1 in turn, each (3, N). The derivative of a sine is its
    level's cosine and the other way about, so its weight goes to the other one.
    """
    weight = first.weight
    total = writer.node("MatMul", weight[:, -spec.features :].astype(np.float32), latents)
    total = writer.node("Add", total, weight.T[:3, :, None].astype(np.float32))
    if not fourier:
        return str(total)
    of_sines = weight[:, 3 : -spec.features].reshape(len(weight), -1, 2, 3)  # width, level, sine or cosine, axis
    frequency = np.pi * 2.0 ** np.arange(spec.frequencies)[:, None]
    turned = np.stack([-frequency * of_sines[:, :, 1], frequency * of_sines[:, :, 0]], axis=2)
    turned = turned.reshape(len(weight), -1, 3).transpose(2, 0, 1)  # axis, width, sines and cosines
    waves = writer.node("Concat", *(writer.node("Unsqueeze", f, np.array([1], np.int64)) for f in fourier), axis=1)
    return str(writer.node("Add", total, writer.node("MatMul", turned.astype(np.float32), waves)))

"""Neurcomp (thesis 2.4, 2.5) with its derivatives at points."""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.jets import Jet, active_jet, dense_jet, sum_of_jets
from onnx_export.layers import SINE, Dense, dense
from onnx_export.point_latents import held_points
from srn_core.spec import NeurcompSpec


def point_jet(writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> Jet:
    """Input "points" (N, 3); (components, N) normalised values and their tangents."""
    del for_cpu  # the same everywhere
    rows = held_points(writer, spec.half_extent)
    first = Dense.of(arrays, "first").scaled(spec.omega)
    # The position's own tangents are the unit vectors: what the layer makes of them are its columns.
    columns = first.weight.T[:, :, None].astype(np.float32)
    jet = active_jet(writer, SINE, Jet(dense(writer, first, rows, "first"), writer.constant(columns)))
    for i in range(len(spec.hidden)):
        if spec.residual:
            scale_in, scale_out = spec.block_scales(i)
            inner = _sine_layer(writer, spec, arrays, f"block{i}.inner", jet, scale_in)
            outer = _sine_layer(writer, spec, arrays, f"block{i}.outer", inner, 1.0)
            jet = sum_of_jets(writer, jet, outer)
            if scale_out != 1.0:
                factor = np.array(scale_out, np.float32)
                jet = Jet(*(writer.node("Mul", part, factor) for part in jet))
        else:
            jet = _sine_layer(writer, spec, arrays, f"hidden{i}", jet, 1.0)
    return dense_jet(writer, Dense.of(arrays, "output"), jet, "output")


def _sine_layer(
    writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], name: str, jet: Jet, scale: float
) -> Jet:
    """sin(omega * W (scale * values) + b)."""
    layer = Dense.of(arrays, name).scaled(spec.omega * scale)
    return active_jet(writer, SINE, dense_jet(writer, layer, jet, name))

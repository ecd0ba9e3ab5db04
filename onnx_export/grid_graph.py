"""The graph that evaluates a network where three axes cross, many times faster than at points."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np

from onnx_export import fvsrn_grid, neurcomp_graph
from onnx_export.graph_writer import GraphWriter
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec


def needs_graph(spec: NetworkSpec) -> bool:
    """Whether values on a grid are more than a constant, or latents that are interpolated."""
    return isinstance(spec, NeurcompSpec) or (isinstance(spec, FvSrnSpec) and bool(spec.widths))


def grid_graph(spec: NetworkSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool = False) -> Any:
    """Model with the inputs of :func:`grid_inputs` -> "values" (nz * ny * nx, C) float32, normalised, x fastest.

    All is float32: what needs more is worked out beforehand. ``arrays``: the network's, but for its latents.
    ``for_cpu``: as of :func:`onnx_export.graph.points_graph`. Raises SrnMissingPackageError.
    """
    writer = GraphWriter()
    if isinstance(spec, FvSrnSpec):
        values = fvsrn_grid.grid_values(writer, spec, arrays, for_cpu)
    else:
        assert isinstance(spec, NeurcompSpec)
        values = neurcomp_graph.grid_values(writer, spec, arrays, for_cpu)
    values = writer.node("Transpose", values, perm=[1, 0])
    return writer.model(values, "values", ["N", spec.components], f"{spec.kind} on a grid", {})


def grid_inputs(
    spec: NetworkSpec,
    arrays: Mapping[str, np.ndarray],
    axes: Sequence[np.ndarray],
    places: Optional[Sequence[np.ndarray]] = None,
    latents: Optional[np.ndarray] = None,
) -> dict[str, np.ndarray]:
    """Inputs of :func:`grid_graph` for the crossings of normalised coordinates x, y, z, float64 and none of them NaN.

    ``places``: of an fv-SRN, the same as fractional indices of its ``latents`` (features, z, y, x), within them.
    """
    if isinstance(spec, FvSrnSpec):
        assert places is not None and latents is not None
        return fvsrn_grid.grid_inputs(spec, arrays, axes, places, latents)
    assert isinstance(spec, NeurcompSpec)
    return neurcomp_graph.grid_inputs(spec, arrays, axes)

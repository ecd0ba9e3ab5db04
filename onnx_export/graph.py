"""From a neural field to an ONNX model: the door of this room.

:func:`points_graph` takes any positions and is what ``.onnx`` files hold; :mod:`onnx_export.grid_graph` has another one
for the crossings of three axes, many times faster.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Optional, Union

import numpy as np

from onnx_export import constant_graph, fvsrn_graph, neurcomp_graph
from onnx_export.fed_writer import FedWriter
from onnx_export.gradient_output import values_with_gradient
from onnx_export.graph_writer import GraphWriter
from onnx_export.metadata import model_metadata
from onnx_export.plain_network import PlainNetwork, plain_network
from onnx_export.small_network import small_network, worth_packing
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError

BUILDERS: dict[str, ModuleType] = {
    "constant": constant_graph,
    "fvsrn": fvsrn_graph,
    "neurcomp": neurcomp_graph,
}
"""Network kind -> module with ``point_values``."""


def points_graph(
    field: NeuralField,
    physical: bool = True,
    for_cpu: bool = False,
    network: Optional[PlainNetwork] = None,
    gradient: bool = False,
    small: Optional[bool] = False,
    fed: bool = False,
) -> Any:
    """Model "points" (N, 3) float32, normalised coordinates -> "values" (N, C) float32.

    Positions outside the volume are held at its border; one that is not a number gives NaN.
    ``physical``: in the array's own units, or normalised to [-1, 1] over its value range.
    ``for_cpu``: made for speed on a CPU: polynomials for cosines (1e-6 off), the latent grid kept cell by cell
    (up to eight times larger).
    ``network``: what :func:`onnx_export.plain_network.plain_network` made of the field, where it is at hand.
    ``gradient``: a second output "gradient" (N, C, 3) float32, derivatives by x, y, z: with ``physical`` in the array's
    units per unit of length along the world's axes, else of normalised values by normalised coordinates. It is 0
    along an axis on which a position lies outside, and along one of a single sample.
    ``small``: numbers are kept in few bytes, as in the file, and worked out by the graph itself: once, where the
    runtime works out constants when it opens a model, as ONNX Runtime does. None: where
    :func:`onnx_export.small_network.worth_packing` says so. ``network`` is then of no use.
    ``fed``: the latent grid, where the graph would hold it flat, is an input "latent" (numbers,) instead.
    Raises SrnInputError for an unknown network or a range that float32 cannot hold, and
    SrnMissingPackageError.
    """
    builder = _builder(field)
    writer = FedWriter() if fed else GraphWriter()
    if worth_packing(field) if small is None else small:
        writer, network = small_network(field)
    spec, arrays = network or plain_network(field)
    if gradient:
        values = values_with_gradient(writer, field, spec, arrays, for_cpu, physical)
    else:
        values = builder.point_values(writer, spec, arrays, for_cpu)
    if physical:
        low, high = _physical_range(field)
        values = writer.node("Mul", values, ((high - low) / 2.0)[:, None].astype(np.float32))
        values = writer.node("Add", values, ((high + low) / 2.0)[:, None].astype(np.float32))
    values = writer.node("Transpose", values, perm=[1, 0])
    shape: list[Union[int, str]] = ["N", field.spec.components]
    return writer.model(values, "values", shape, f"{field.spec.kind} at points", model_metadata(field, physical))


def _builder(field: NeuralField) -> Any:
    kind = field.spec.kind
    if kind not in BUILDERS:
        raise SrnInputError(f"no graph is known for network kind '{kind}'; known kinds: {', '.join(sorted(BUILDERS))}")
    return BUILDERS[kind]


def _physical_range(field: NeuralField) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum per component, float64 (C,)."""
    low, high = np.array(field.value_range, np.float64).reshape(-1, 2).T
    if max(np.abs(low).max(), np.abs(high).max()) > np.finfo(np.float32).max:
        raise SrnInputError(
            f"array '{field.name}' has values up to {max(np.abs(low).max(), np.abs(high).max()):g}, more than float32 "
            "holds, so it cannot be exported to ONNX in its own units; rescale the array before compressing it"
        )
    return low, high

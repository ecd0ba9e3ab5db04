"""Graphs that are made for a device use nothing that ONNX Runtime would have to do on the CPU."""

from __future__ import annotations

from typing import Any

import onnx
import onnx.shape_inference
import pytest
from reference_networks import numbers_of, random_field
from test_onnx_graph import SPECS

from onnx_export.graph import points_graph
from onnx_export.grid_graph import grid_graph, needs_graph

FLOAT, INT64, BOOL = "FLOAT", "INT64", "BOOL"
ANY = {FLOAT, INT64, BOOL}
ON_CUDA: dict[str, set[str]] = {
    "Abs": {FLOAT, INT64},
    "Add": {FLOAT, INT64},
    "Cast": ANY,
    "Concat": ANY,
    "Conv": {FLOAT},
    "Cos": {FLOAT},
    "Expand": ANY,
    "Floor": {FLOAT},
    "Gather": ANY,
    "GatherElements": ANY,
    "Gemm": {FLOAT},
    "Identity": ANY,
    "Less": {FLOAT, INT64},
    "MatMul": {FLOAT},
    "Max": {FLOAT, INT64},
    "Min": {FLOAT, INT64},
    "Mul": {FLOAT, INT64},
    "ReduceSum": {FLOAT, INT64},
    "Reshape": ANY,
    "Round": {FLOAT},
    "Shape": ANY,
    "Sin": {FLOAT},
    "Slice": ANY,
    "Squeeze": ANY,
    "Sub": {FLOAT, INT64},
    "Tanh": {FLOAT},
    "Transpose": ANY,
    "Unsqueeze": ANY,
}
"""Operator -> types of its inputs, as far as they are of use here, for which ONNX Runtime registers a kernel of its
CUDA provider at opset 18 (its docs/OperatorKernels.md). float64 is left out on purpose: TensorRT, DirectML, CoreML and
OpenVINO lack it for most."""


def models_of(name: str) -> dict[str, Any]:
    field = random_field(SPECS[name])
    models = {"points": points_graph(field, False), "gradient": points_graph(field, False, gradient=True)}
    if needs_graph(field.spec):
        models["grid"] = grid_graph(field.spec, numbers_of(field))
    return models


@pytest.mark.parametrize("name", SPECS)
def test_every_operator_has_a_kernel_on_the_device(name: str) -> None:
    for kind, model in models_of(name).items():
        graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
        types = {value.name: value.type.tensor_type.elem_type for value in [*graph.input, *graph.value_info]}
        types.update({constant.name: constant.data_type for constant in graph.initializer})
        for node in graph.node:
            assert node.op_type in ON_CUDA, (kind, node.op_type)
            used = {onnx.TensorProto.DataType.Name(types[put]) for put in node.input}
            assert used <= ON_CUDA[node.op_type], (kind, node.op_type, used)


@pytest.mark.parametrize("name", [n for n in SPECS if needs_graph(SPECS[n])])
def test_nothing_of_the_grids_graph_is_large(name: str) -> None:
    """Latents and coordinates are inputs: one model serves every region and every level of detail."""
    field = random_field(SPECS[name])
    weights = sum(
        a.values().nbytes
        for n, a in field.arrays.items()
        if n.startswith(("layer", "output", "first", "block", "hidden"))
    )
    assert len(grid_graph(field.spec, numbers_of(field)).SerializeToString()) < weights + 12_000

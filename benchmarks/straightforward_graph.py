"""The graph that one would write down first: a fv-SRN or Neurcomp node by node, as its equations read.

Its speed is what the product's own graphs are measured against: the latent grid by a five-dimensional GridSample, rows
of points, plain Gemm, and for snake the sine squared.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
import onnx
import onnx.helper as make
import onnx.numpy_helper

from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec

GRID_SAMPLE_OPSET = 20
"""GridSample takes five dimensions from here on."""


class _Nodes:
    """Nodes and constants of one graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, op: str, *operands: Any, **attributes: Any) -> str:
        names = [o if isinstance(o, str) else self._constant(np.asarray(o)) for o in operands]
        result = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(make.make_node(op, names, [result], **attributes))
        return result

    def _constant(self, value: np.ndarray) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def straightforward_graph(spec: NetworkSpec, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Model "points" (N, 3) float32 -> "values" (N, components); ``spec`` without wavelet and filter."""
    node = _Nodes()
    if isinstance(spec, FvSrnSpec):
        result = _fvsrn(node, spec, arrays)
    elif isinstance(spec, NeurcompSpec):
        result = _neurcomp(node, spec, arrays)
    else:
        raise ValueError(f"no straightforward graph for '{spec.kind}'")
    node.nodes.append(make.make_node("Identity", [result], ["values"]))
    float32 = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        node.nodes,
        "straightforward",
        [make.make_tensor_value_info("points", float32, ["N", 3])],
        [make.make_tensor_value_info("values", float32, ["N", spec.components])],
        node.constants,
    )
    opsets = [make.make_opsetid("", GRID_SAMPLE_OPSET)]
    return bytes(make.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def _fvsrn(node: _Nodes, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray]) -> str:
    half = np.array(spec.half_extent, np.float32)
    place = node("Div", "points", np.where(half > 0, half, 1).astype(np.float32))
    place = node("Reshape", place, np.array([1, 1, 1, -1, 3], np.int64))
    latents = node(
        "GridSample", arrays["grid"][None], place, align_corners=1, mode="linear", padding_mode="border"
    )  # (1, features, 1, 1, N)
    latents = node("Transpose", node("Reshape", latents, np.array([spec.features, -1], np.int64)), perm=[1, 0])
    if not spec.widths:
        return latents
    inputs = ["points"]
    for level in range(spec.frequencies):
        angle = node("Mul", "points", np.array(2.0**level * np.pi, np.float32))
        inputs += [node("Sin", angle), node("Cos", angle)]
    values = node("Concat", *inputs, latents, axis=1)
    for i in range(len(spec.widths)):
        pre = _dense(node, arrays, f"layer{i}", values)
        sine = node("Sin", pre)
        values = node("Add", node("Mul", pre, np.array(0.5, np.float32)), node("Mul", sine, sine))
    values = _dense(node, arrays, "output", values)
    return node("Add", values, latents) if spec.skip else values


def _neurcomp(node: _Nodes, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray]) -> str:
    def sine_layer(name: str, values: str) -> str:
        scaled = {f"{name}.weight": arrays[f"{name}.weight"] * np.float32(spec.omega)}
        return node("Sin", _dense(node, {**arrays, **scaled}, name, values))

    values = sine_layer("first", "points")
    for i in range(len(spec.hidden)):
        if not spec.residual:
            values = sine_layer(f"hidden{i}", values)
            continue
        scale_in, scale_out = spec.block_scales(i)
        inner = sine_layer(f"block{i}.inner", node("Mul", values, np.array(scale_in, np.float32)))
        values = node("Add", values, sine_layer(f"block{i}.outer", inner))
        values = node("Mul", values, np.array(scale_out, np.float32))
    return _dense(node, arrays, "output", values)


def _dense(node: _Nodes, arrays: Mapping[str, np.ndarray], name: str, values: str) -> str:
    return node("Gemm", values, arrays[f"{name}.weight"], arrays[f"{name}.bias"], transB=1)

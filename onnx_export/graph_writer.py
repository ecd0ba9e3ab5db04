"""Writes ONNX nodes one call each, so that a network reads like its mathematics."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Mapping, Sequence, Union

import numpy as np

from onnx_export.packages import import_onnx

OPSET = 18
"""ONNX Runtime 1.14 and later run it; 1.19 is the last one for Python 3.9."""
IR_VERSION = 8

Operand = Union[str, np.ndarray]
"""A tensor's name, or numbers that become an initialiser."""


class GraphWriter:
    """Collects nodes and initialisers; :meth:`model` makes the checked model of them."""

    def __init__(self) -> None:
        self._onnx = import_onnx()
        self._nodes: list[Any] = []
        self._initialisers: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}  # by dtype, shape, digest
        self._count = 0

    def input(self, name: str, dtype: type, shape: Sequence[Union[int, str]]) -> str:
        """Declare a graph input; returns its name."""
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, self._element(dtype), list(shape)))
        return name

    def constant(self, value: np.ndarray, name: str = "") -> str:
        """An initialiser's name; equal ones are kept once."""
        value = np.ascontiguousarray(value)
        key = (value.dtype.str, value.shape, blake2b(value.reshape(-1).view(np.uint8).data).digest())
        if key not in self._known:
            self._known[key] = self._stored(value, name or "constant")
        return self._known[key]

    def node(self, op: str, *operands: Operand, name: str = "", outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; returns its output's name (a list of names where ``outputs`` is more than 1)."""
        names = [o if isinstance(o, str) else self.constant(o) for o in operands]
        results = [self._unique(name or op.lower()) for _ in range(outputs)]
        self._nodes.append(self._onnx.helper.make_node(op, names, results, name=results[0], **attributes))
        return results[0] if outputs == 1 else results

    def cast(self, operand: Operand, dtype: type) -> str:
        """The operand as ``dtype``."""
        return str(self.node("Cast", operand, to=self._element(dtype)))

    def reshape(self, operand: Operand, shape: Sequence[Union[int, str]]) -> str:
        """Reshape; a name in ``shape`` is a 1-D int64 tensor that stands for its entries."""
        parts: list[Operand] = []
        for entry in shape:
            parts.append(entry if isinstance(entry, str) else np.array([entry], np.int64))
        if not any(isinstance(p, str) for p in parts):
            return str(self.node("Reshape", operand, np.array(shape, np.int64)))
        return str(self.node("Reshape", operand, self.node("Concat", *parts, axis=0)))

    def output(self, name: str, result: str, shape: Sequence[Union[int, str]]) -> None:
        """Declare ``result`` (float32) as an output beside that of :meth:`model`."""
        helper = self._onnx.helper
        self._nodes.append(helper.make_node("Identity", [result], [name], name=name))
        self._outputs.append(helper.make_tensor_value_info(name, self._element(np.float32), list(shape)))

    def model(
        self, result: str, output: str, shape: Sequence[Union[int, str]], name: str, metadata: Mapping[str, str]
    ) -> Any:
        """The finished onnx.ModelProto whose first output ``output`` (float32) is ``result``; checked in full."""
        helper = self._onnx.helper
        self.output(output, result, shape)
        self._outputs.insert(0, self._outputs.pop())
        graph = helper.make_graph(
            self._nodes,
            name,
            self._inputs,
            self._outputs,
            self._initialisers,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="paraview-srn", ir_version=IR_VERSION
        )
        helper.set_model_props(model, dict(metadata))
        self._onnx.checker.check_model(model, full_check=True)
        return model

    def _stored(self, value: np.ndarray, name: str) -> str:
        """Keep an array that is not yet there; returns its tensor's name."""
        unique = self._unique(name)
        self._initialisers.append(self._onnx.numpy_helper.from_array(value, unique))
        return unique

    def _element(self, dtype: type) -> int:
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _unique(self, name: str) -> str:
        self._count += 1
        return f"{name}_{self._count}"

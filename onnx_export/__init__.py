"""Neural fields as ONNX graphs, and ONNX Runtime as their decoder. Nothing here needs torch.

``onnx`` is needed where a graph is built, ``onnxruntime`` where one runs; both are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder
    from onnx_export.graph import points_graph

_HOMES = {"Decoder": "decoder", "points_graph": "graph"}

__all__ = ["Decoder", "points_graph"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"onnx_export.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'onnx_export' has no attribute {name!r}")

"""The two packages of this room, imported when first used, with a clear word where one is missing."""

from __future__ import annotations

from typing import Any

from srn_core.errors import SrnMissingPackageError


def import_onnx() -> Any:
    """The ``onnx`` package. Raises SrnMissingPackageError."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise SrnMissingPackageError("onnx", "building the decoder's graph") from None
    return onnx


def import_onnxruntime() -> Any:
    """The ``onnxruntime`` package. Raises SrnMissingPackageError."""
    try:
        import onnxruntime
    except ImportError:
        raise SrnMissingPackageError("onnxruntime", "decoding") from None
    return onnxruntime

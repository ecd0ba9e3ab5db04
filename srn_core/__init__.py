"""SRN for ParaView: volumes as small neural files.

``compress`` makes a neural file of a volume, ``load`` opens one; everything heavy is imported when
it is first used, so that opening and decoding need neither torch nor a compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from srn_core.version import __version__

if TYPE_CHECKING:
    from srn_core.api import (
        CompressResult,
        NeuralFile,
        compress,
        compress_samples,
        compress_series,
        compress_steps,
        evaluate,
        load,
    )
    from srn_core.config import CompressConfig
    from srn_core.mesh import Mesh, MeshArray
    from srn_core.volume import Geometry, Volume

_HOMES = {
    "compress": "api",
    "compress_samples": "api",
    "compress_series": "api",
    "compress_steps": "api",
    "load": "api",
    "evaluate": "api",
    "CompressResult": "api",
    "NeuralFile": "api",
    "CompressConfig": "config",
    "Mesh": "mesh",
    "MeshArray": "mesh",
    "Volume": "volume",
    "Geometry": "volume",
}

__all__ = [
    "CompressConfig",
    "CompressResult",
    "Geometry",
    "Mesh",
    "MeshArray",
    "NeuralFile",
    "Volume",
    "__version__",
    "compress",
    "compress_samples",
    "compress_series",
    "compress_steps",
    "evaluate",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"srn_core.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'srn_core' has no attribute {name!r}")

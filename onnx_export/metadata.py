"""What an exported model says of its field, so that it can be used with ONNX Runtime alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from srn_core import coordinates
from srn_core.codec.field import NeuralField
from srn_core.version import __version__
from srn_core.volume import Geometry


def model_metadata(field: NeuralField, physical: bool) -> dict[str, str]:
    """Metadata of the model: names with the prefix "srn.", values in JSON. docs/onnx.md lists them."""
    geometry = field.geometry
    matrix, offset = world_to_normalised(geometry)
    entries: dict[str, Any] = {
        "array": field.name,
        "association": geometry.association,
        "components": field.spec.components,
        "dims": geometry.dims,
        "direction": geometry.direction,
        "dtype": field.dtype,
        "half_extent": field.spec.half_extent,
        "network": field.spec.kind,
        "normalised": not physical,
        "offset": offset.tolist(),
        "origin": geometry.origin,
        "spacing": geometry.spacing,
        "start": geometry.start,
        "time": field.time,
        "units": field.units,
        "value_range": field.value_range,
        "vector": field.vector,
        "version": __version__,
        "world_to_normalised": matrix.tolist(),
    }
    return {f"srn.{name}": json.dumps(value) for name, value in entries.items()}


def world_to_normalised(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """(A, b), float64 (3, 3) and (3,), with normalised = A @ (world - origin) + b."""
    at_zero = replace(geometry, origin=(0.0, 0.0, 0.0))  # a distant origin would cost digits
    b, *columns = (coordinates.normalise(at_zero.index_of(p[None]), geometry.dims)[0] for p in _probes(geometry))
    size = np.abs(np.diag(_probes(geometry)[1:]))
    return np.stack([(c - b) / s for c, s in zip(columns, size)], axis=1), b


def _probes(geometry: Geometry) -> np.ndarray:
    """Zero and a step along each world axis, as large as the grid: what the mapping is read off from."""
    size = float(np.max(np.abs(geometry.spacing) * np.maximum(geometry.dims, 1))) or 1.0
    return np.vstack([np.zeros(3), np.eye(3) * size])

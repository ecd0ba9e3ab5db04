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
    offset = coordinates.normalise(at_zero.index_of(np.zeros((1, 3))), geometry.dims)[0]
    return geometry.index_per_length * coordinates.normalised_per_index(geometry.dims), offset

"""How the latent grid, interpolated linearly, changes with the position.

Along an axis that is a difference of two latents, the same all through a cell, and it jumps at the latents.
Exactly there it is the mean of both sides, which is the central difference of the neighbours; at the two ends of the
axis it is that of the one cell. "Exactly" is within :data:`AT_LATENT`.
"""

from __future__ import annotations

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.point_latents import latent_places, latents_at, places_per_coordinate
from srn_core.spec import FvSrnSpec

AT_LATENT = 1e-3
"""Share of the latents' spacing within which a position lies on a latent: float32 tells no more on 1000 latents."""
END = 0.25
"""Latent spacings from an end within which a cell's own difference holds."""


def point_slopes(writer: GraphWriter, rows: str, spec: FvSrnSpec, latent: np.ndarray, values: str) -> str:
    """(3, features, N): derivatives by x, y, z at ``rows`` (3, N), held within the volume, of the interpolated grid.

    ``values``: (features, N), the grid interpolated there.
    """
    samples = np.array(spec.grid[::-1])[:, None]  # x, y, z
    scale = places_per_coordinate(spec)
    place = latent_places(writer, rows, spec)
    inner = writer.node("Max", place, np.full((3, 1), END, np.float32))
    inner = writer.node("Min", inner, (samples - 1 - END).astype(np.float32))
    below = writer.node("Floor", writer.node("Sub", inner, np.array(AT_LATENT, np.float32)))
    above = writer.node("Floor", writer.node("Add", inner, np.array(1 + AT_LATENT, np.float32)))
    # One or two latents apart: 1 or 1/2.
    apart = writer.node("Mul", writer.node("Sub", above, below), np.array(-0.5, np.float32))
    factor = writer.node("Mul", writer.node("Add", apart, np.array(1.5, np.float32)), scale.astype(np.float32))
    slopes = []
    for axis in range(3):
        if scale[axis, 0] == 0:
            slopes.append(writer.node("Mul", values, np.array(0.0, np.float32)))
            continue
        here = np.eye(3, dtype=np.float32)[:, axis : axis + 1]
        others = writer.node("Mul", place, 1 - here)
        upper, lower = (
            latents_at(
                writer, writer.node("Add", others, writer.node("Mul", end, here)), spec, latent, False, whole=axis
            )
            for end in (above, below)
        )
        part = writer.node("Gather", factor, np.array([axis], np.int64), axis=0)
        slopes.append(writer.node("Mul", writer.node("Sub", upper, lower), part))
    first = np.array([0], np.int64)
    return str(writer.node("Concat", *(writer.node("Unsqueeze", s, first) for s in slopes), axis=0))

"""fv-SRN (thesis 2.8, 2.9, 4.2) where three axes cross.

Everything before the first activation falls apart into axes: the position's part is a sum of one term per axis, and
the latent grid is interpolated along x, then y, for the few latent planes around a slab, then along z straight into the
first pre-activation. Terms and shares are worked out per axis and are inputs of the graph, and so are the latents.
"""

from __future__ import annotations

from typing import Mapping, Sequence

import numpy as np

from onnx_export.axes import fourier_axis, latent_axis
from onnx_export.fvsrn_graph import after_first, predictor_layers
from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import SNAKE, SNAKE_POLYNOMIAL, Dense
from srn_core.spec import FvSrnSpec


def grid_values(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Inputs as :func:`grid_inputs` gives them; (components, nz * ny * nx) normalised values. There is a predictor."""
    snake = SNAKE_POLYNOMIAL if for_cpu else SNAKE
    layers = predictor_layers(spec, arrays, snake)
    first = layers[0]
    width = len(first.bias)
    latent = writer.input("latent", np.float32, [spec.features, "lz", "ly", "lx"])
    shares = [writer.input(f"{axis}_shares", np.float32, [f"n{axis}", f"l{axis}"]) for axis in "xyz"]
    gain = np.array(snake.gain, np.float32)
    terms = [writer.node("Mul", writer.input(f"{axis}_term", np.float32, [width, f"n{axis}"]), gain) for axis in "xyz"]
    latent = writer.node("MatMul", latent, writer.node("Transpose", shares[0], perm=[1, 0]))
    latent = writer.node("MatMul", shares[1], latent)  # (features, latent z, ny, nx)
    weight = first.weight[:, -spec.features :].astype(np.float32)
    planes = writer.node("MatMul", weight, writer.reshape(latent, [spec.features, -1]))
    nx, ny = (writer.node("Shape", share, start=0, end=1) for share in shares[:2])
    planes = writer.reshape(planes, [width, -1, ny, nx])
    across = writer.node(
        "Add", writer.reshape(terms[1], [width, 1, -1, 1]), writer.reshape(terms[0], [width, 1, 1, -1])
    )
    planes = writer.node("Add", planes, across)
    # The term along z rides on the interpolation along z, as the share of one more plane of ones.
    plane = writer.node("Mul", nx, ny)
    planes = writer.node(
        "Concat",
        writer.reshape(planes, [width, -1, plane]),
        writer.node(
            "Expand",
            np.ones((1, 1, 1), np.float32),
            writer.node("Concat", np.array([width, 1], np.int64), plane, axis=0),
        ),
        axis=1,
    )
    along = writer.node("Expand", shares[2], np.array([width, 1, 1], np.int64))
    along = writer.node("Concat", along, writer.reshape(terms[2], [width, -1, 1]), axis=2)
    values = writer.reshape(writer.node("MatMul", along, planes), [width, -1])
    values = after_first(writer, layers, snake, values)
    if not spec.skip:
        return values
    skipped = writer.node("MatMul", shares[2], writer.reshape(latent, [spec.features, -1, plane]))
    return str(writer.node("Add", values, writer.reshape(skipped, [spec.features, -1])))


def grid_inputs(
    spec: FvSrnSpec,
    arrays: Mapping[str, np.ndarray],
    axes: Sequence[np.ndarray],
    places: Sequence[np.ndarray],
    latents: np.ndarray,
) -> dict[str, np.ndarray]:
    """The graph's inputs where the normalised coordinates x, y, z cross, none of them NaN.

    ``places``: the same as fractional indices of ``latents`` (features, z, y, x), within them.
    """
    x, y, z = (latent_axis(along) for along in places)
    feed = {"latent": np.ascontiguousarray(latents[:, z.needed, y.needed, x.needed])}
    first = Dense.of(arrays, "layer0")
    for number, (axis, u, along) in enumerate(zip("xyz", axes, (x, y, z))):
        columns = [number] + [3 + 6 * level + 3 * part + number for part in (0, 1) for level in range(spec.frequencies)]
        held = np.clip(u, -spec.half_extent[number], spec.half_extent[number])
        term = first.weight[:, columns] @ fourier_axis(held, spec.frequencies)
        if number == 0:
            term += first.bias[:, None]
        feed[f"{axis}_shares"], feed[f"{axis}_term"] = along.shares, term.astype(np.float32)
    return feed

"""The residual convolutional filter on a latent grid, run by ONNX Runtime in boxes that bound its memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Mapping, Optional

import numpy as np

from onnx_export.blocks import blocks, cube_shape
from onnx_export.graph_writer import GraphWriter
from onnx_export.packages import import_onnxruntime
from onnx_export.providers import CPU
from srn_core.errors import SrnStoppedError
from srn_core.progress import Progress, ProgressCallback
from srn_core.spec import FvSrnSpec
from srn_core.wavelet import synthesise

BOX_NUMBERS = 1 << 21
"""Numbers of the widest layer in one box: a few megabytes, while its seams are a small share of the work."""


def filtered_grid(
    spec: FvSrnSpec,
    arrays: Mapping[str, np.ndarray],
    threads: int = 1,
    progress: Optional[ProgressCallback] = None,
) -> np.ndarray:
    """The latent grid (features, z, y, x), float32, that is interpolated: out of its coefficients, and filtered.

    ``progress`` is called from this thread; SrnStoppedError where it returns False. Raises SrnMissingPackageError.
    """
    grid = synthesise(spec, arrays)
    if not spec.filter:
        return grid
    session = _session(spec, arrays)
    halo = len(spec.filter) + 1
    nz, ny, nx = spec.grid
    boxes = blocks((nx, ny, nz), cube_shape((nx, ny, nz), BOX_NUMBERS // max(*spec.filter, spec.features)))
    result = np.empty_like(grid)

    def run(box: tuple[slice, slice, slice]) -> int:
        x, y, z = box
        around = [
            np.clip(np.arange(part.start - halo, part.stop + halo), 0, samples - 1)
            for part, samples in zip((z, y, x), spec.grid)
        ]
        extended = grid[:, around[0]][:, :, around[1]][:, :, :, around[2]]
        result[:, z, y, x] = grid[:, z, y, x] + session.run(None, {"grid": extended[None]})[0][0]
        return (z.stop - z.start) * (y.stop - y.start) * (x.stop - x.start)

    done = 0
    waiting: deque[Future[int]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            waiting.extend(pool.submit(run, box) for box in boxes)
            while waiting:
                done += waiting.popleft().result()
                if progress is not None and progress(Progress("filtering", done / (nz * ny * nx))) is False:
                    raise SrnStoppedError("decoding was stopped")
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
    return result


def _session(spec: FvSrnSpec, arrays: Mapping[str, np.ndarray]) -> Any:
    """Input "grid" (1, features, z, y, x), extended; what the filter adds to it, a sample less all round per layer."""
    writer = GraphWriter()
    values = writer.input("grid", np.float32, [1, spec.features, "z", "y", "x"])
    for i in range(len(spec.filter) + 1):
        weight, bias = (np.asarray(arrays[f"filter{i}.{kind}"], np.float32) for kind in ("weight", "bias"))
        values = writer.node("Conv", writer.node("Tanh", values) if i else values, weight, bias)
    model = writer.model(values, "added", [1, spec.features, "nz", "ny", "nx"], "filter of a latent grid", {})
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=[CPU])

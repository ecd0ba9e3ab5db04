"""Decoding with ONNX Runtime: grids and points of one neural field, in bounded memory."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Optional

import numpy as np

from onnx_export import gradients
from onnx_export.blocks import block_shape, blocks
from onnx_export.graph import grid_graph, points_graph
from onnx_export.lattice_latents import as_slice, latent_places
from onnx_export.parts import run_parts
from onnx_export.plain_network import PlainNetwork, plain_network
from onnx_export.providers import ProviderChoice
from onnx_export.sessions import Session, Sessions
from onnx_export.threads import thread_count
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback, share_of
from srn_core.spec import FvSrnSpec, NetworkSpec

CPU_NUMBERS = 1 << 18
"""Numbers per layer and run on a CPU: a megabyte, which stays in its cache."""
GPU_NUMBERS = 1 << 26
"""Numbers per layer and run elsewhere: enough to fill the device, in about a gigabyte."""
VALUES_SHARE = 0.25
"""Of the time for values and gradients, what the values take, roughly."""


class Decoder:
    """Evaluates a neural field with ONNX Runtime.

    ``providers``: see :data:`onnx_export.providers.ProviderChoice`; by default the first of
    :data:`onnx_export.providers.PREFERRED` that ONNX Runtime has, else the CPU. ``threads``: CPU threads, by default
    those of :func:`onnx_export.threads.thread_count`. ``chunk``: voxels or
    points per run, which bounds the memory; by default what suits the provider.

    Graphs are built and sessions opened when first used. Values are float32, normalised to [-1, 1]
    over the value range. Raises SrnInputError for a provider that is not there, and
    SrnMissingPackageError.
    """

    def __init__(
        self,
        field: NeuralField,
        providers: ProviderChoice = None,
        threads: Optional[int] = None,
        chunk: Optional[int] = None,
    ) -> None:
        if chunk is not None and chunk < 1:
            raise SrnInputError(f"chunk must be at least 1, not {chunk}")
        self.field = field
        self.threads = thread_count(threads)
        self._chunk = chunk
        self.sessions = Sessions(providers, self.threads)
        self._network: Optional[PlainNetwork] = None

    @property
    def providers(self) -> tuple[str, ...]:
        """ONNX Runtime's names of what this runs on, the first doing the work; one beside the CPU is tried."""
        self._settle()
        return self.sessions.providers

    @property
    def statement(self) -> str:
        """One line that says what this runs on."""
        self._settle()
        return self.sessions.statement

    @property
    def chunk(self) -> int:
        """Voxels or points per run."""
        self._settle()
        numbers = CPU_NUMBERS if self.sessions.on_cpu else GPU_NUMBERS
        return self._chunk or max(256, numbers // _widest(self.field.spec))

    def grid(
        self,
        ux: np.ndarray,
        uy: np.ndarray,
        uz: np.ndarray,
        progress: Optional[ProgressCallback] = None,
        out: Optional[np.ndarray] = None,
    ) -> np.ndarray:
        """Values (nz, ny, nx, C), float32, where the normalised coordinates ux (nx,), uy, uz cross.

        Coordinates outside the volume are held at its border; NaN gives NaN. ``out`` takes the values
        where given (any float dtype, a memmap too). ``progress`` is called from this thread; SrnStoppedError
        where it returns False.
        """
        axes = [np.asarray(u, np.float64).reshape(-1) for u in (ux, uy, uz)]
        dims = (len(axes[0]), len(axes[1]), len(axes[2]))
        result = self._result((dims[2], dims[1], dims[0], self.field.spec.components), out)
        if min(dims) == 0:
            return result
        places = latent_places(self.field.spec, axes)
        if places is not None:
            return self._latents(places, result, progress)
        unknown = [np.isnan(u) for u in axes]
        known = [np.where(missing, 0.0, u) for u, missing in zip(axes, unknown)]
        self.plain(progress)
        session = self._session("grid")

        def decode(block: tuple[slice, slice, slice]) -> int:
            x, y, z = block
            feed = {name: u[part] for name, u, part in zip("xyz", known, block)}
            values = session.run(None, feed)[0]
            result[z, y, x] = values
            return int(values.size)

        self._run(decode, blocks(dims, block_shape(dims, self.chunk)), result.size, progress)
        for axis, missing in enumerate(unknown):
            if missing.any():
                np.moveaxis(result, 2 - axis, 0)[missing] = np.nan
        return result

    def points(
        self, u: np.ndarray, progress: Optional[ProgressCallback] = None, out: Optional[np.ndarray] = None
    ) -> np.ndarray:
        """Values (N, C), float32, at normalised positions u (N, 3). As :meth:`grid` otherwise."""
        positions = self._positions(u)
        result = self._result((len(positions), self.field.spec.components), out)
        if not len(positions):
            return result
        self.plain(progress)
        session, chunk = self._session("points"), self.chunk

        def decode(start: int) -> int:
            part = np.ascontiguousarray(positions[start : start + chunk], np.float32)
            values = session.run(None, {"points": part})[0]
            result[start : start + chunk] = values
            return int(values.size)

        self._run(decode, range(0, len(positions), chunk), result.size, progress)
        return result

    def _settle(self) -> None:
        """Find out whether the provider works, where it is not the CPU."""
        if not self.sessions.tried and not self.sessions.on_cpu:
            self._session("points")

    def grid_gradient(
        self, ux: np.ndarray, uy: np.ndarray, uz: np.ndarray, progress: Optional[ProgressCallback] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values (nz, ny, nx, C) as :meth:`grid` gives them, and their gradient (nz, ny, nx, C, 3), float32, by
        normalised x, y, z. The gradient is 0 along an axis on which a place lies outside or which has one sample."""
        values = self.grid(ux, uy, uz, share_of(progress, 0.0, VALUES_SHARE))
        gradient = np.empty((*values.shape, 3), np.float32)
        if values.size:
            axes = [np.asarray(u, np.float64).reshape(-1) for u in (ux, uy, uz)]
            work = gradients.on_grid(self.plain(), lambda: self._session("gradient"), axes, gradient, self.chunk)
            self._run(work.decode, work.parts, gradient.size, share_of(progress, VALUES_SHARE, 1.0 - VALUES_SHARE))
        return values, gradient

    def points_gradient(
        self, u: np.ndarray, progress: Optional[ProgressCallback] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values (N, C) and their gradient (N, C, 3) at normalised positions u (N, 3). As :meth:`grid_gradient`
        otherwise."""
        positions = self._positions(u)
        values = np.empty((len(positions), self.field.spec.components), np.float32)
        gradient = np.empty((*values.shape, 3), np.float32)
        if len(positions):
            self.plain(progress)
            work = gradients.at_points(self._session("gradient"), positions, values, gradient, self.chunk)
            self._run(work.decode, work.parts, values.size, progress)
        return values, gradient

    def plain(self, progress: Optional[ProgressCallback] = None) -> PlainNetwork:
        """The network that graphs are made of; worked out once. ``progress`` as in :meth:`grid`."""
        if self._network is None:
            self._network = plain_network(self.field, self.threads, progress)
        return self._network

    def _latents(
        self, places: list[np.ndarray], result: np.ndarray, progress: Optional[ProgressCallback]
    ) -> np.ndarray:
        """Latents at indices along x, y, z, as the values that they are."""
        grid = np.moveaxis(self.plain(progress).arrays["grid"], 0, -1)
        x, y = (as_slice(index) for index in places[:2])

        def copy(plane: int) -> int:
            result[plane] = grid[places[2][plane]][y][:, x]
            return int(result[plane].size)

        self._run(copy, range(len(result)), result.size, progress)
        return result

    def _positions(self, u: np.ndarray) -> np.ndarray:
        positions = np.asarray(u)
        if positions.ndim != 2 or positions.shape[1] != 3:
            raise SrnInputError(f"points must have the shape (N, 3), not {positions.shape}")
        return positions

    def _result(self, shape: tuple[int, ...], out: Optional[np.ndarray]) -> np.ndarray:
        if out is None:
            return np.empty(shape, np.float32)
        if out.shape != shape or out.dtype.kind != "f":
            raise SrnInputError(f"out must be a float array of shape {shape}, not {out.dtype} of {out.shape}")
        return out

    def _run(
        self, decode: Callable[[Any], int], parts: Iterable[Any], total: int, progress: Optional[ProgressCallback]
    ) -> None:
        """Run all parts, several at a time on a CPU: ONNX Runtime's sines run on one thread."""
        run_parts(decode, parts, total, self.threads if self.sessions.on_cpu else 1, progress)

    def _session(self, kind: str) -> Session:
        return self.sessions.session(kind, lambda on_cpu: self._model(kind, on_cpu), self._probe(kind))

    def _model(self, kind: str, on_cpu: bool) -> bytes:
        if kind == "grid":
            model = grid_graph(self.field, on_cpu, self.plain())
        else:
            model = points_graph(self.field, False, on_cpu, self.plain(), gradient=kind == "gradient")
        return bytes(model.SerializeToString())

    def _probe(self, kind: str) -> dict[str, np.ndarray]:
        """Inputs for which providers are compared: places all over the volume, on and between its samples."""
        axes = [half * np.linspace(-1.0, 1.0, 7) for half in self.field.spec.half_extent]
        if kind == "grid":
            return dict(zip("xyz", axes))
        return {"points": np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3).astype(np.float32)}


def _widest(spec: NetworkSpec) -> int:
    """Width of the widest layer, the latents of an fv-SRN among them."""
    if isinstance(spec, FvSrnSpec):
        return max(spec.features, *spec.widths, spec.components)
    return max([shape[0] for name, shape in spec.shapes().items() if name.endswith(".weight")], default=1)

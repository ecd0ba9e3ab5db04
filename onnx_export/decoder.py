"""Decoding with ONNX Runtime: grids and points of one neural field, in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from threading import RLock
from typing import Callable, Optional

import numpy as np

from onnx_export import gradients, grids, points_alone
from onnx_export.graph import points_graph
from onnx_export.grid_graph import grid_graph, needs_graph
from onnx_export.latents import Latents, latents_of
from onnx_export.parts import Work, run_parts
from onnx_export.plain_network import PlainNetwork
from onnx_export.point_latents import read_flat
from onnx_export.providers import ProviderChoice
from onnx_export.sessions import Feed, Session, Sessions
from onnx_export.threads import thread_count
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError
from srn_core.native import calls
from srn_core.progress import ProgressCallback, share_of
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, PyramidSpec

CPU_NUMBERS = 1 << 18
"""Numbers per layer and run on a CPU: a megabyte, which stays in its cache."""
GPU_NUMBERS = 1 << 26
"""Numbers per layer and run elsewhere: enough to fill the device, in about a gigabyte."""
VALUES_SHARE = 0.25
"""Of the time for values and gradients, what the values take, roughly."""
PROBED = 5
"""Places along each axis where another provider has to give what the CPU gives."""


class Decoder:
    """Evaluates a neural field with ONNX Runtime, or, where latents are the values, with NumPy; from any thread.

    ``providers``: see :data:`onnx_export.providers.ProviderChoice`; by default the first of
    :data:`onnx_export.providers.PREFERRED` that ONNX Runtime has, else the CPU. ``threads``: CPU threads, by default
    those of :func:`onnx_export.threads.thread_count`. ``chunk``: voxels or points per run, which bounds the memory; by
    default what suits the provider.

    Latents are decoded, graphs built and sessions opened when first used. Values are float32, normalised to [-1, 1]
    over the value range. Raises SrnInputError for a provider that is not there, SrnFormatError for latents that no
    encoder writes, and SrnMissingPackageError.
    """

    def __init__(
        self,
        field: NeuralField,
        providers: ProviderChoice = None,
        threads: Optional[int] = None,
        chunk: Optional[int] = None,
        below: Optional[Callable[[int], Latents]] = None,
    ) -> None:
        """``below``: gives, for a level, the latents of the field that this one is added to; by default it is decoded
        here."""
        if chunk is not None and chunk < 1:
            raise SrnInputError(f"chunk must be at least 1, not {chunk}")
        self.field = field
        self.threads = thread_count(threads)
        self._chunk, self._below = chunk, below
        self.sessions = Sessions(providers, self.threads)
        self._kept: dict[int, Latents] = {}
        self._others: Optional[dict[str, np.ndarray]] = None
        self._lock = RLock()

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
        return self._chunk_of(CPU_NUMBERS if self.sessions.on_cpu else GPU_NUMBERS)

    def grid(
        self,
        ux: np.ndarray,
        uy: np.ndarray,
        uz: np.ndarray,
        progress: Optional[ProgressCallback] = None,
        out: Optional[np.ndarray] = None,
        level: int = 0,
    ) -> np.ndarray:
        """Values (nz, ny, nx, C), float32, where the normalised coordinates ux (nx,), uy, uz cross.

        Coordinates outside the volume are held at its border; NaN gives NaN. ``out`` takes the values
        where given (any float dtype, a memmap too). ``progress`` is called from this thread; SrnStoppedError
        where it returns False. ``level``: of detail, see :meth:`srn_core.neural_file.NeuralFile.decode`.
        """
        axes, unknown = _known(ux, uy, uz)
        spec = self.field.spec
        result = self._result((*(len(u) for u in reversed(axes)), spec.components), out)
        if not result.size:
            return result
        latents = self._latents(level)
        below = None if latents is None else grids.LatentsBelow(latents, axes, progress)
        if needs_graph(spec):
            self._run(self._network_work(axes, below, result), result.size, progress)
        elif below is not None:
            work = grids.of_latents(below, result, self._chunk_of(CPU_NUMBERS))
            run_parts(work.decode, work.parts, result.size, self.threads, progress)
        else:
            assert isinstance(spec, ConstantSpec)
            result[...] = 0.0
        _forget(result, unknown)
        return result

    def expect(
        self,
        ux: np.ndarray,
        uy: np.ndarray,
        uz: np.ndarray,
        progress: Optional[ProgressCallback] = None,
        level: int = 0,
    ) -> None:
        """Make ready to be asked for this grid in parts, one after the other. Arguments as of :meth:`grid`."""
        axes, latents = _known(ux, uy, uz)[0], self._latents(level)
        if latents is not None and min(map(len, axes)):
            grids.LatentsBelow(latents, axes, progress)

    def points(
        self, u: np.ndarray, progress: Optional[ProgressCallback] = None, out: Optional[np.ndarray] = None
    ) -> np.ndarray:
        """Values (N, C), float32, at normalised positions u (N, 3). As :meth:`grid` otherwise."""
        positions = _positions(u)
        result = self._result((len(positions), self.field.spec.components), out)
        if not len(positions):
            return result
        spec, chunk = self.field.spec, self.chunk
        latents = self._latents() if calls.there() and self.sessions.on_cpu and not needs_graph(spec) else None
        if latents is not None and isinstance(spec, FvSrnSpec):
            work = points_alone.of_latents(latents, spec, positions, result, chunk, progress)
            run_parts(work.decode, work.parts, result.size, self.threads, progress)
            return result
        fed = self._fed("points", positions, progress)
        session = self._session("points")

        def decode(start: int) -> int:
            part = np.ascontiguousarray(positions[start : start + chunk], np.float32)
            values = session.run(None, {"points": part, **fed})[0]
            result[start : start + chunk] = values
            return int(values.size)

        self._run(Work(decode, range(0, len(positions), chunk)), result.size, progress)
        return result

    def grid_gradient(
        self,
        ux: np.ndarray,
        uy: np.ndarray,
        uz: np.ndarray,
        progress: Optional[ProgressCallback] = None,
        level: int = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values (nz, ny, nx, C) as :meth:`grid` gives them, and their gradient (nz, ny, nx, C, 3), float32, by
        normalised x, y, z. The gradient is 0 along an axis on which a place lies outside or which has one sample.
        A network that is more than latents is given with all its detail."""
        if needs_graph(self.field.spec):
            level = 0
        values = self.grid(ux, uy, uz, share_of(progress, 0.0, VALUES_SHARE), level=level)
        gradient = np.zeros((*values.shape, 3), np.float32)
        if values.size:
            axes, unknown = _known(ux, uy, uz)
            told, latents = share_of(progress, VALUES_SHARE, 1.0 - VALUES_SHARE), self._latents(level)
            if needs_graph(self.field.spec):
                fed = self._fed("gradient", None, told)
                work = gradients.on_grid(self._session("gradient"), fed, axes, gradient, self.chunk)
                self._run(work, gradient.size, told)
            elif latents is not None:
                work = gradients.of_latents(latents, axes, gradient, self._chunk_of(CPU_NUMBERS), told)
                run_parts(work.decode, work.parts, gradient.size, self.threads, told)
            _forget(gradient, unknown)
        return values, gradient

    def points_gradient(
        self, u: np.ndarray, progress: Optional[ProgressCallback] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values (N, C) and their gradient (N, C, 3) at normalised positions u (N, 3). As :meth:`grid_gradient`
        otherwise."""
        positions = _positions(u)
        values = np.empty((len(positions), self.field.spec.components), np.float32)
        gradient = np.empty((*values.shape, 3), np.float32)
        if len(positions):
            fed = self._fed("gradient", positions, progress)
            work = gradients.at_points(self._session("gradient"), fed, positions, values, gradient, self.chunk)
            self._run(work, values.size, progress)
        return values, gradient

    def plain(self, progress: Optional[ProgressCallback] = None) -> PlainNetwork:
        """The network with its latent grid in space, all of it. ``progress`` as in :meth:`grid`."""
        latents = self._latents()
        return self._network(None if latents is None else latents.whole(progress))

    def latents(self, level: int = 0) -> Optional[Latents]:
        """Those of an fv-SRN, at a level of detail, or the coarsest that it has."""
        return self._latents(level)

    def _settle(self) -> None:
        """Find out whether the provider works, where it is not the CPU."""
        if not self.sessions.tried and not self.sessions.on_cpu:
            self._session("points")

    def _chunk_of(self, numbers: int) -> int:
        return self._chunk or max(256, numbers // _widest(self.field.spec))

    def _latents(self, level: int = 0) -> Optional[Latents]:
        """Those of an fv-SRN, at a level that it has."""
        spec = self.field.spec
        if not isinstance(spec, FvSrnSpec):
            return None
        level = min(level, spec.wavelet.levels) if isinstance(spec.wavelet, PyramidSpec) else 0
        with self._lock:
            if level not in self._kept:
                given = self._below
                below = None if given is None else lambda: given(level)
                self._kept[level] = latents_of(self.field, spec, level, self.threads, below)
            return self._kept[level]

    def _arrays(self) -> dict[str, np.ndarray]:
        """The network's arrays, but for its latents and their filter."""
        with self._lock:
            if self._others is None:
                spec = self.field.spec
                names = spec.predictor_shapes() if isinstance(spec, FvSrnSpec) else spec.shapes()
                self._others = {name: self.field.arrays[name].values() for name in names}
            return self._others

    def _network(self, grid: Optional[np.ndarray]) -> PlainNetwork:
        spec, arrays = self.field.spec, self._arrays()
        if grid is None or not isinstance(spec, FvSrnSpec):
            return PlainNetwork(spec, arrays)
        return PlainNetwork(replace(spec, wavelet=None, filter=()), {"grid": grid, **arrays})

    def _fed(self, kind: str, positions: Optional[np.ndarray], progress: Optional[ProgressCallback]) -> Feed:
        """What sessions at points take beside these ``positions`` (N, 3), None: any, once all is ready for them."""
        latents = self._latents()
        if latents is None:
            return {}
        flat = read_flat(latents.values.shape, kind == "points")
        if flat and positions is not None and self.sessions.on_cpu:
            return {"latent": latents.at_points(positions, progress).reshape(-1)}
        grid = latents.whole(progress)
        return {"latent": grid.reshape(-1)} if flat else {}

    def _network_work(self, axes: list[np.ndarray], below: Optional[grids.LatentsBelow], result: np.ndarray) -> Work:
        spec, arrays = self.field.spec, self._arrays()
        some = slice(0, PROBED)
        probe = grids.inputs(spec, arrays, axes, below, (some, some, some))
        session = self.sessions.session(
            "grid", lambda on_cpu: bytes(grid_graph(spec, arrays, on_cpu).SerializeToString()), probe
        )
        chunk = self._chunk_of(CPU_NUMBERS if self.sessions.on_cpu else GPU_NUMBERS)
        return grids.of_network(session, spec, arrays, axes, below, result, chunk)

    def _session(self, kind: str) -> Session:
        """The session of a points graph: "points" or "gradient"."""
        axes = [half * np.linspace(-1.0, 1.0, PROBED) for half in self.field.spec.half_extent]
        probe = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3).astype(np.float32)
        return self.sessions.session(kind, lambda on_cpu: self._points_model(kind, on_cpu), {"points": probe})

    def _points_model(self, kind: str, on_cpu: bool) -> bytes:
        latents = self._latents()
        fed = on_cpu and latents is not None and read_flat(latents.values.shape, kind == "points")
        network = self._network(latents.values) if fed and latents is not None else self.plain()
        model = points_graph(self.field, False, on_cpu, network, gradient=kind == "gradient", fed=fed)
        return bytes(model.SerializeToString())

    def _result(self, shape: tuple[int, ...], out: Optional[np.ndarray]) -> np.ndarray:
        if out is None:
            return np.empty(shape, np.float32)
        if out.shape != shape or out.dtype.kind != "f":
            raise SrnInputError(f"out must be a float array of shape {shape}, not {out.dtype} of {out.shape}")
        return out

    def _run(self, work: Work, total: int, progress: Optional[ProgressCallback]) -> None:
        """Run all parts, several at a time on a CPU: ONNX Runtime's sines run on one thread."""
        run_parts(work.decode, work.parts, total, self.threads if self.sessions.on_cpu else 1, progress)


def _known(*axes: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(coordinates, float64, 0 where they are not a number; where that is)."""
    given = [np.asarray(u, np.float64).reshape(-1) for u in axes]
    unknown = [np.isnan(u) for u in given]
    return [np.where(missing, 0.0, u) for u, missing in zip(given, unknown)], unknown


def _forget(result: np.ndarray, unknown: list[np.ndarray]) -> None:
    """NaN at coordinates x, y, z that are not a number, into (nz, ny, nx, ...)."""
    for axis, missing in enumerate(unknown):
        if missing.any():
            np.moveaxis(result, 2 - axis, 0)[missing] = np.nan


def _positions(u: np.ndarray) -> np.ndarray:
    positions = np.asarray(u)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise SrnInputError(f"points must have the shape (N, 3), not {positions.shape}")
    return positions


def _widest(spec: NetworkSpec) -> int:
    """Width of the widest layer, the latents of an fv-SRN among them."""
    if isinstance(spec, FvSrnSpec):
        return max(spec.features, *spec.widths, spec.components)
    return max([shape[0] for name, shape in spec.shapes().items() if name.endswith(".weight")], default=1)

"""Decaying turbulence: a real physical field, made on the spot, for trying out the compression.

Solves the incompressible Navier-Stokes equations in a periodic box of edge 2 pi, pseudo-spectrally:

    du/dt = u x omega - grad(P) + nu laplace(u),   div u = 0

in rotational form, dealiased by the 2/3 rule, viscosity exact by an integrating factor, Heun's third-order
Runge-Kutta steps in time. The start is a random solenoidal field with its energy around wavenumber ``peak``; within one
turnover time the vortices stretch into the thin tubes that make turbulence turbulence.

    python examples/turbulence.py out/turbulence.vti --size 96 --field pressure
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np

try:
    from scipy import fft as _fft  # in single precision and on all cores

    _CORES: dict[str, Any] = {"workers": -1}
except ImportError:  # a plain pvpython has NumPy alone
    from numpy import fft as _fft  # type: ignore[no-redef]

    _CORES = {}

FIELDS = ("pressure", "vorticity", "speed")
GRID_AXES = (-3, -2, -1)


@dataclass(frozen=True)
class Run:
    """What is simulated, in units of the box (edge 2 pi) and of the initial velocity (root mean square 1)."""

    size: int = 96
    """Samples along each edge."""
    seed: int = 0
    """Fixes the phases of the initial field; same seed, same size, same field."""
    peak: float = 3.0
    """Wavenumber around which the initial energy lies."""
    duration: float = 1.0
    """Time simulated; about one turnover of the large eddies."""
    viscosity: Optional[float] = None
    """None: as small as the grid resolves."""
    courant: float = 1.0
    """Share of a grid cell that the fastest fluid crosses in a time step."""

    def nu(self) -> float:
        """Viscosity that makes the smallest eddies, (nu^3 / dissipation)^(1/4), about 2 / largest wavenumber."""
        if self.viscosity is not None:
            return self.viscosity
        dissipation = 0.5 * self.peak / 3.5
        return float((2.0 / (self.size / 3)) ** (4 / 3) * dissipation ** (1 / 3))


class PeriodicBox:
    """Wavenumbers and transforms of an n^3 periodic grid; spectra are (..., n, n, n // 2 + 1), axes z, y, x."""

    def __init__(self, size: int) -> None:
        self.size = size
        full = np.fft.fftfreq(size, 1.0 / size).astype(np.float32)
        half = np.arange(size // 2 + 1, dtype=np.float32)
        self.k = (half[None, None, :], full[None, :, None], full[:, None, None])
        self.k2 = self.k[0] ** 2 + self.k[1] ** 2 + self.k[2] ** 2
        self.inverse_k2 = np.where(self.k2 > 0, 1.0 / np.maximum(self.k2, 1), 0).astype(np.float32)
        cut = size / 3.0
        self.kept = (abs(self.k[0]) < cut) & (abs(self.k[1]) < cut) & (abs(self.k[2]) < cut)

    def spectrum(self, field: np.ndarray) -> np.ndarray:
        """Forward transform of real fields (..., z, y, x)."""
        return _fft.rfftn(field, axes=GRID_AXES, **_CORES).astype(np.complex64, copy=False)

    def field(self, spectrum: np.ndarray) -> np.ndarray:
        """Real fields (..., z, y, x), float32."""
        shape = (self.size,) * 3
        return _fft.irfftn(spectrum, shape, axes=GRID_AXES, **_CORES).astype(np.float32, copy=False)

    def divergence(self, u: np.ndarray) -> np.ndarray:
        """Spectrum of the divergence of a velocity's spectrum (x, y, z first)."""
        return 1j * (self.k[0] * u[0] + self.k[1] * u[1] + self.k[2] * u[2])

    def curl(self, u: np.ndarray) -> np.ndarray:
        """Spectrum of the curl of a velocity's spectrum."""
        x, y, z = self.k
        return np.stack([1j * (y * u[2] - z * u[1]), 1j * (z * u[0] - x * u[2]), 1j * (x * u[1] - y * u[0])])

    def solenoidal(self, u: np.ndarray) -> np.ndarray:
        """The divergence-free part of a vector spectrum: what pressure leaves of it."""
        along = (self.k[0] * u[0] + self.k[1] * u[1] + self.k[2] * u[2]) * self.inverse_k2
        return np.stack([u[i] - self.k[i] * along for i in range(3)])

    def shells(self, u: np.ndarray) -> np.ndarray:
        """Kinetic energy of a velocity's spectrum in shells of |k| = 0, 1, 2, ... (to the dealiasing cut)."""
        energy = (np.abs(u) ** 2).sum(axis=0, dtype=np.float64) / float(self.size) ** 6
        energy[:, :, 1 : (self.size + 1) // 2] *= 2  # their mirror images are not stored
        shell = np.rint(np.sqrt(self.k2)).astype(int)
        return 0.5 * np.bincount(shell.ravel(), energy.ravel())[: self.size // 3]


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Vector product of two vector fields, components first; several times as fast as NumPy's."""
    out = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.multiply(a[j], b[k], out=out[i])
        out[i] -= a[k] * b[j]
    return out


def start(run: Run, box: PeriodicBox) -> np.ndarray:
    """A random solenoidal velocity spectrum with E(k) ~ k^4 exp(-2 (k / peak)^2) and root mean square 1."""
    noise = np.random.default_rng(run.seed).standard_normal((3, run.size, run.size, run.size)).astype(np.float32)
    shape = box.k2 * np.exp(-box.k2 / run.peak**2) / np.maximum(np.sqrt(box.k2), 1)
    u = box.solenoidal(box.spectrum(noise) * shape * box.kept)
    u[:, 0, 0, 0] = 0
    return (u / np.sqrt(2.0 * box.shells(u).sum() / 3.0)).astype(np.complex64)


def simulate(
    run: Run, report: Optional[Callable[[float, float], None]] = None, begin: Optional[np.ndarray] = None
) -> tuple[np.ndarray, PeriodicBox]:
    """The velocity's spectrum (3, n, n, n // 2 + 1) at the end of the run, and its box.

    ``report`` gets (share done, kinetic energy) after each step; ``begin`` is another velocity spectrum to begin with.
    """
    box = PeriodicBox(run.size)
    u = start(run, box) if begin is None else begin
    nu, now = run.nu(), 0.0
    while now < run.duration * (1 - 1e-9):
        first, fastest = _advection(u, box)
        step = min(run.courant * 2 * np.pi / run.size / fastest, run.duration - now)
        decay = np.exp(-nu * box.k2 * step / 3).astype(np.float32)  # over a third of the step
        second, _ = _advection((u + step / 3 * first) * decay, box)
        third, _ = _advection((u * decay + 2 * step / 3 * second) * decay, box)
        u = ((u + step / 4 * first) * decay**3 + 3 * step / 4 * third * decay).astype(np.complex64, copy=False)
        now += step
        if report is not None:
            report(now / run.duration, float(box.shells(u).sum()))
    return u, box


def _advection(u: np.ndarray, box: PeriodicBox) -> tuple[np.ndarray, float]:
    """The solenoidal part of u x omega, and the largest velocity component."""
    velocity = box.field(u)
    force = box.spectrum(cross(velocity, box.field(box.curl(u)))) * box.kept
    return box.solenoidal(force), float(np.abs(velocity).max())


def scalar(u: np.ndarray, box: PeriodicBox, name: str) -> np.ndarray:
    """One scalar field (z, y, x), float32, of a velocity's spectrum: one of :data:`FIELDS`.

    The pressure solves laplace(p) = -div(u . grad u), with mean 0.
    """
    velocity = box.field(u)
    if name == "speed":
        return np.asarray(np.sqrt((velocity**2).sum(axis=0)))
    vorticity = box.field(box.curl(u))
    if name == "vorticity":
        return np.asarray(np.sqrt((vorticity**2).sum(axis=0)))
    if name != "pressure":
        raise SystemExit(f"unknown field '{name}'; known: {', '.join(FIELDS)}")
    bernoulli = -box.divergence(box.spectrum(cross(velocity, vorticity)) * box.kept) * box.inverse_k2
    kinetic = box.spectrum(0.5 * (velocity**2).sum(axis=0)) * box.kept
    pressure = bernoulli - kinetic
    pressure[0, 0, 0] = 0
    return box.field(pressure)


def main(arguments: Optional[list[str]] = None) -> int:
    """Command line: simulate, write one scalar field."""
    parser = argparse.ArgumentParser(description="Decaying turbulence in a periodic box, written as a volume.")
    parser.add_argument("out", help="file to write: .vti, .npy, or another volume format that srn can write")
    parser.add_argument("--field", choices=FIELDS, default="pressure")
    parser.add_argument("--size", type=int, default=Run.size, help="samples along each edge (default: %(default)s)")
    parser.add_argument("--duration", type=float, default=Run.duration, help="time simulated (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=Run.seed)
    options = parser.parse_args(arguments)
    if options.size < 8:
        parser.error("--size must be at least 8")

    from srn_core.io import write_volume
    from srn_core.volume import Volume

    began, terminal = time.perf_counter(), sys.stderr.isatty()

    def report(share: float, energy: float) -> None:
        if terminal:
            print(f"\rturbulence {options.size}^3: {share:4.0%}, kinetic energy {energy:.3f} ", end="", file=sys.stderr)

    run = Run(size=options.size, duration=options.duration, seed=options.seed)
    values = scalar(*simulate(run, report), options.field)
    if terminal:
        print(file=sys.stderr)
    edge = 2 * np.pi / run.size
    write_volume(options.out, Volume.from_array(values, options.field, spacing=(edge, edge, edge)))
    print(f"{options.out}: {options.field}, {run.size}^3 voxels, {time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The networks of the specs, written a second time: plain NumPy in float64, one position after another in rows.

Slow and obvious on purpose. Decoders and trained networks are held against these.
"""

from __future__ import annotations

from itertools import product
from typing import Mapping, Optional, Sequence

import numpy as np

from srn_core.codec.field import NeuralField, StoredArray
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec, WaveletSpec
from srn_core.volume import Geometry
from srn_core.wavelet import synthesise


def evaluate(spec: NetworkSpec, arrays: Mapping[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    """Normalised values (N, C), float64, at normalised positions u (N, 3)."""
    half = np.array(spec.half_extent)
    u = np.clip(np.asarray(u, np.float64), -half, half)
    numbers = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    if isinstance(spec, ConstantSpec):
        return np.zeros((len(u), spec.components))
    if isinstance(spec, NeurcompSpec):
        return _neurcomp(spec, numbers, u)
    return _fvsrn(spec, numbers, u)


def _neurcomp(spec: NeurcompSpec, numbers: Mapping[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    def layer(name: str, x: np.ndarray) -> np.ndarray:
        return np.sin(spec.omega * (x @ numbers[f"{name}.weight"].T) + numbers[f"{name}.bias"])

    x = layer("first", u)
    for i in range(len(spec.hidden)):
        if spec.residual:
            scale_in = 1.0 if i == 0 else 0.5
            scale_out = 0.5 if i == len(spec.hidden) - 1 else 1.0
            x = scale_out * (x + layer(f"block{i}.outer", layer(f"block{i}.inner", scale_in * x)))
        else:
            x = layer(f"hidden{i}", x)
    return x @ numbers["output.weight"].T + numbers["output.bias"]


def _fvsrn(spec: FvSrnSpec, numbers: Mapping[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    parts = [u]
    for level in range(spec.frequencies):
        parts += [np.sin(2.0**level * np.pi * u), np.cos(2.0**level * np.pi * u)]
    grid = filtered(spec, numbers, np.asarray(synthesise(spec, numbers), np.float64))
    latent = trilinear(grid, spec.half_extent, u)
    if not spec.widths:
        return latent
    parts.append(latent)
    x = np.concatenate(parts, axis=1)
    for i in range(len(spec.widths)):
        a = x @ numbers[f"layer{i}.weight"].T + numbers[f"layer{i}.bias"]
        x = a / 2 + np.sin(a) ** 2
    return x @ numbers["output.weight"].T + numbers["output.bias"] + (latent if spec.skip else 0.0)


def filtered(spec: FvSrnSpec, numbers: Mapping[str, np.ndarray], grid: np.ndarray) -> np.ndarray:
    """The grid (F, z, y, x) plus what the residual filter adds: valid convolutions of the extended grid."""
    if not spec.filter:
        return grid
    layers = len(spec.filter) + 1
    x = np.pad(grid, [(0, 0)] + [(layers, layers)] * 3, mode="edge")
    for i in range(layers):
        weight, inner = numbers[f"filter{i}.weight"], [n - 2 for n in x.shape[1:]]
        x = np.tanh(x) if i else x
        total = np.zeros((len(weight), *inner)) + numbers[f"filter{i}.bias"][:, None, None, None]
        for z, y, s in product(range(3), repeat=3):
            part = x[:, z : z + inner[0], y : y + inner[1], s : s + inner[2]]
            total += np.einsum("oi,izyx->ozyx", weight[:, :, z, y, s], part)
        x = total
    return grid + x


def trilinear(grid: np.ndarray, half_extent: Sequence[float], u: np.ndarray) -> np.ndarray:
    """Features (N, F) of a grid (F, z, y, x) whose first and last samples lie on -/+ half_extent."""
    out = np.zeros((len(u), grid.shape[0]))
    for row, position in enumerate(u):
        low, share = [], []
        for axis in range(3):  # x, y, z
            samples, half = grid.shape[3 - axis], half_extent[axis]
            place = (position[axis] + half) / (2 * half) * (samples - 1) if half > 0 else 0.0
            low.append(min(int(place), max(samples - 2, 0)))
            share.append(place - low[-1])
        for corner in product((0, 1), repeat=3):
            weight = np.prod([s if bit else 1 - s for bit, s in zip(corner, share)])
            if weight:
                x, y, z = (i + bit for i, bit in zip(low, corner))
                out[row] += weight * grid[:, z, y, x]
    return out


def random_field(
    spec: NetworkSpec,
    seed: int = 0,
    geometry: Optional[Geometry] = None,
    value_range: Optional[Sequence[Sequence[float]]] = None,
    **what: object,
) -> NeuralField:
    """A field of ``spec`` with weights of the size that trained networks have, stored in 16 bits."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in spec.shapes().items():
        kind = name.rpartition(".")[2]
        if kind == "weight":
            values = rng.uniform(-1, 1, shape) * np.sqrt((6.0 if spec.kind == "neurcomp" else 3.0) / np.prod(shape[1:]))
            if spec.kind == "neurcomp":
                values /= 1.0 if name.startswith(("output", "first")) else spec.omega
            if name.startswith("output"):
                values *= 0.5
        else:
            values = rng.uniform(-0.5, 0.5, shape)
        step = max(float(np.abs(values).max(initial=0.0)), 1e-3) / 32767
        arrays[name] = StoredArray(np.round(values / step).astype(np.int32), 16, step=step)
    dims = tuple(int(round(h * 20)) + 1 for h in spec.half_extent)
    return NeuralField(
        spec,
        arrays,
        geometry or Geometry((dims[0], dims[1], dims[2])),
        what.pop("name", "pressure"),  # type: ignore[arg-type]
        "float32",
        tuple((float(a), float(b)) for a, b in (value_range or [(-1.0, 1.0)] * spec.components)),
        **what,  # type: ignore[arg-type]
    )


def numbers_of(field: NeuralField) -> dict[str, np.ndarray]:
    """The field's arrays, float32."""
    return {name: stored.values() for name, stored in field.arrays.items()}


def wavelet_spec(name: str, levels: int) -> WaveletSpec:
    """A PyWavelets filter as a spec."""
    import pywt

    wavelet = pywt.Wavelet(name)
    return WaveletSpec(name, levels, tuple(wavelet.rec_lo), tuple(wavelet.rec_hi))

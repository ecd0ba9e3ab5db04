"""What the codec and the decoder know of a network: a JSON-able, versioned spec and named arrays.

A spec says which arrays there are and their shapes (``shapes()``), and fixes the mathematics that
turns a normalised position into normalised values. Every network of :mod:`srn_core.networks` gives
one; :mod:`onnx_export.graph` turns one into a graph. Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping, Optional, Union

from srn_core.errors import SrnFormatError

SPEC_VERSION = 1
MAX_SIZE = 1 << 20
"""No width, count or grid edge of an honest spec is larger; larger ones are refused."""


@dataclass(frozen=True)
class NeurcompSpec:
    """Residual SIREN (thesis 2.4, 2.5). Position u (3) -> values (components).

    Every sine layer is ``sin(omega * (W x) + b)``. ``first`` maps 3 -> width. With ``residual``,
    block i is ``out_scale * (x + outer(inner(in_scale * x)))`` where ``inner`` maps width -> hidden[i],
    ``outer`` maps hidden[i] -> width, in_scale is 1 for the first block and 0.5 for the others, and
    out_scale is 0.5 for the last block and 1 for the others. Without, ``hidden{i}`` are plain sine
    layers of width hidden[i]. ``output`` is linear.
    """

    kind: ClassVar[str] = "neurcomp"
    half_extent: tuple[float, float, float]
    components: int
    width: int
    hidden: tuple[int, ...]
    residual: bool
    omega: float

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every array."""
        shapes: dict[str, tuple[int, ...]] = {"first.weight": (self.width, 3), "first.bias": (self.width,)}
        last = self.width
        for i, size in enumerate(self.hidden):
            if self.residual:
                shapes[f"block{i}.inner.weight"] = (size, self.width)
                shapes[f"block{i}.inner.bias"] = (size,)
                shapes[f"block{i}.outer.weight"] = (self.width, size)
                shapes[f"block{i}.outer.bias"] = (self.width,)
            else:
                shapes[f"hidden{i}.weight"] = (size, last)
                shapes[f"hidden{i}.bias"] = (size,)
                last = size
        shapes["output.weight"] = (self.components, last)
        shapes["output.bias"] = (self.components,)
        return shapes

    def block_scales(self, block: int) -> tuple[float, float]:
        """(in_scale, out_scale) of a residual block."""
        return (1.0 if block == 0 else 0.5), (0.5 if block == len(self.hidden) - 1 else 1.0)


@dataclass(frozen=True)
class WaveletSpec:
    """The transform a latent grid is stored in: synthesis filters and number of levels.

    Periodised, separable, dyadic; at each level every axis of 4 or more samples is split in two
    halves of ceil(n / 2) (PyWavelets' "periodization"), shorter axes are left alone. The filters
    stand in the file so that no list of wavelets is needed to read it.
    """

    name: str
    levels: int
    rec_lo: tuple[float, ...]
    rec_hi: tuple[float, ...]


def level_shapes(grid: tuple[int, ...], levels: int) -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
    """For each level from the finest (1) on: (shape of its subbands, which of the axes z, y, x were split)."""
    out = []
    shape = tuple(grid)
    for _ in range(levels):
        split = tuple(n >= 4 for n in shape)
        shape = tuple((n + 1) // 2 if s else n for n, s in zip(shape, split))
        out.append((shape, split))
    return out


@dataclass(frozen=True)
class FvSrnSpec:
    """Latent grid and a small predictor (thesis 2.8, 2.9, 4.2). Position u (3) -> values (components).

    Input of the predictor, in this order: u (3); for l = 0 .. frequencies-1: sin(2^l pi u) (3), then
    cos(2^l pi u) (3); the latent grid interpolated trilinearly at u (features), its first and last
    samples lying on -half_extent and +half_extent. Hidden layers are
    ``snake(W x + b)`` with snake(a) = a / 2 + sin(a)^2; ``output`` is linear.

    The grid is the array ``grid`` (features, z, y, x), or with a wavelet ``approx`` (features, z, y, x)
    of the coarsest level and ``detail{l}`` (features, bands, z, y, x), l = 1 being the finest. Bands
    are ordered as binary numbers whose digits are the split axes in (z, y, x) order, 0 = low pass,
    1 = high pass, from 1 up (PyWavelets' 'aad', 'ada', 'add', 'daa', ...).
    """

    kind: ClassVar[str] = "fvsrn"
    half_extent: tuple[float, float, float]
    components: int
    widths: tuple[int, ...]
    frequencies: int
    features: int
    grid: tuple[int, int, int]
    """Latent samples along z, y, x."""
    wavelet: Optional[WaveletSpec]

    @property
    def inputs(self) -> int:
        """Width of the predictor's input."""
        return 3 + 6 * self.frequencies + self.features

    def grid_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the latent grid's arrays alone."""
        if self.wavelet is None:
            return {"grid": (self.features, *self.grid)}
        levels = level_shapes(self.grid, self.wavelet.levels)
        shapes: dict[str, tuple[int, ...]] = {"approx": (self.features, *(levels[-1][0] if levels else self.grid))}
        for level, (shape, split) in enumerate(levels, start=1):
            if any(split):
                shapes[f"detail{level}"] = (self.features, 2 ** sum(split) - 1, *shape)
        return shapes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every array."""
        shapes = self.grid_shapes()
        last = self.inputs
        for i, size in enumerate(self.widths):
            shapes[f"layer{i}.weight"] = (size, last)
            shapes[f"layer{i}.bias"] = (size,)
            last = size
        shapes["output.weight"] = (self.components, last)
        shapes["output.bias"] = (self.components,)
        return shapes


@dataclass(frozen=True)
class ConstantSpec:
    """A field whose components are constant: no arrays, the normalised value is 0 everywhere."""

    kind: ClassVar[str] = "constant"
    half_extent: tuple[float, float, float]
    components: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """No arrays."""
        return {}


NetworkSpec = Union[NeurcompSpec, FvSrnSpec, ConstantSpec]


def spec_to_dict(spec: NetworkSpec) -> dict[str, Any]:
    """The spec as plain JSON types."""
    out: dict[str, Any] = {"version": SPEC_VERSION, "kind": spec.kind}
    for key, value in vars(spec).items():
        if isinstance(value, WaveletSpec):
            value = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(value).items()}
        out[key] = list(value) if isinstance(value, tuple) else value
    return out


def spec_from_dict(data: Mapping[str, Any]) -> NetworkSpec:
    """The spec a dict describes. Raises SrnFormatError for anything that no writer of ours would have written."""
    read = _Reader(data, "network spec")
    version = read.integer("version", 1, 1 << 16)
    if version > SPEC_VERSION:
        raise SrnFormatError(f"the network spec has version {version}; this release reads up to {SPEC_VERSION}")
    kind = data.get("kind")
    x, y, z = read.numbers("half_extent", 3, 3)
    half = (x, y, z)
    components = read.integer("components", 1, 4096)
    if kind == "constant":
        return ConstantSpec(half, components)
    if kind == "neurcomp":
        residual = data.get("residual")
        if not isinstance(residual, bool):
            raise SrnFormatError("network spec: 'residual' must be true or false")
        return NeurcompSpec(
            half,
            components,
            read.integer("width", 1, MAX_SIZE),
            read.integers("hidden", 0, 1024),
            residual,
            read.number("omega"),
        )
    if kind == "fvsrn":
        wavelet = None
        if data.get("wavelet") is not None:
            if not isinstance(data["wavelet"], Mapping):
                raise SrnFormatError("network spec: 'wavelet' must be an object")
            inner = _Reader(data["wavelet"], "wavelet spec")
            low, high = inner.numbers("rec_lo", 1, 512), inner.numbers("rec_hi", 1, 512)
            if len(low) != len(high) or len(low) % 2:
                raise SrnFormatError("wavelet spec: the two filters must have the same, even length")
            wavelet = WaveletSpec(str(inner.data.get("name", "")), inner.integer("levels", 0, 32), low, high)
        gz, gy, gx = read.integers("grid", 3, 3)
        return FvSrnSpec(
            half,
            components,
            read.integers("widths", 1, 1024),
            read.integer("frequencies", 0, 64),
            read.integer("features", 1, 4096),
            (gz, gy, gx),
            wavelet,
        )
    raise SrnFormatError(f"unknown network kind {kind!r}; this release knows 'neurcomp', 'fvsrn' and 'constant'")


class _Reader:
    """Typed, bounded access to a dict that came from a file."""

    def __init__(self, data: Mapping[str, Any], what: str) -> None:
        self.data, self.what = data, what

    def integer(self, key: str, low: int, high: int) -> int:
        return self._integer(key, self.data.get(key), low, high)

    def integers(self, key: str, least: int, most: int) -> tuple[int, ...]:
        return tuple(self._integer(key, v, 1, MAX_SIZE) for v in self._list(key, least, most))

    def number(self, key: str) -> float:
        return self._number(key, self.data.get(key))

    def numbers(self, key: str, least: int, most: int) -> tuple[float, ...]:
        return tuple(self._number(key, v) for v in self._list(key, least, most))

    def _list(self, key: str, least: int, most: int) -> list[Any]:
        value = self.data.get(key)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise SrnFormatError(f"{self.what}: '{key}' must be a list of {least} to {most} numbers")
        return value

    def _integer(self, key: str, value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SrnFormatError(f"{self.what}: '{key}' must be a whole number from {low} to {high}")
        return value

    def _number(self, key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e300 < value < 1e300:
            raise SrnFormatError(f"{self.what}: '{key}' must hold finite numbers")
        return float(value)

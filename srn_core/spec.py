"""What the codec and the decoder know of a network: a JSON-able, versioned spec and named arrays.

A spec says which arrays there are and their shapes (``shapes()``), and fixes the mathematics that
turns a normalised position into normalised values. Every network of :mod:`srn_core.networks` gives
one; :mod:`onnx_export.graph` turns one into a graph. Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping, Optional, Union

from srn_core.errors import SrnFormatError

SPEC_VERSION = 2
"""The newest version that is read. A spec that uses nothing of version 2 is still written as version 1."""
MAX_SIZE = 1 << 20
"""No width, count or grid edge of an honest spec is larger; larger ones are refused."""
MAX_PYRAMID_TAPS, MAX_PYRAMID_TAP, MAX_PYRAMID_LEVELS = 64, 64.0, 16
"""Most numbers of half a filter, their largest magnitude, and most levels."""
MAX_BRICKS = 1 << 14
MAX_FILTER_CONVOLUTIONS, MAX_FILTER_CHANNELS = 8, 256


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


@dataclass(frozen=True)
class PyramidSpec:
    """A critically sampled wavelet pyramid of a latent grid of any size: symmetric filters, symmetric ends.

    An axis of n samples is split into ceil(n / 2) low-pass samples, first, which stand on its even places, and
    floor(n / 2) high-pass samples, on its odd places; the low part is split again. The samples on their
    places p go on as if mirrored in the first and the last one (period 2 (n - 1)), and the axis is
    ``x[i] = sum over even p of low(i - p) c[p] + sum over odd p of high(i - p) c[p]``.
    An axis of one sample is left alone. Each stored coefficient has been multiplied by the gain of its band
    (:func:`srn_core.pyramid.band_gains`), so that errors of coefficients are about as large as those of voxels.
    """

    name: str
    low: tuple[float, ...]
    """Right half, the centre first, of the symmetric low-pass filter of the synthesis."""
    high: tuple[float, ...]
    """The same of its high-pass filter."""
    groups: tuple[tuple[str, int], ...]
    """Axes that are split together, and how often: (("zyx", 4),) is dyadic in three dimensions; with several groups
    the transform is their tensor product, as (("z", 2), ("yx", 4)), in each plane of which all splits meet."""

    @property
    def levels(self) -> int:
        """How often the axis that is split most is split."""
        return max((levels for _, levels in self.groups), default=0)


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

    With ``skip``, feature c is added to component c of that, and there are as many features as components; ``widths``
    may then be empty: there is no predictor, and the value is the latent itself.

    The grid is the array ``grid`` (features, z, y, x), or with a pyramid ``coefficients`` (features, z, y, x), laid out
    as :mod:`srn_core.pyramid` says, or with a wavelet ``approx`` (features, z, y, x)
    of the coarsest level and ``detail{l}`` (features, bands, z, y, x), l = 1 being the finest. Bands
    are ordered as binary numbers whose digits are the split axes in (z, y, x) order, 0 = low pass,
    1 = high pass, from 1 up (PyWavelets' 'aad', 'ada', 'add', 'daa', ...).

    With ``filter``, the hidden channels of n = len(filter) + 1 convolutions, what is interpolated is
    ``G + conv_n(tanh(... tanh(conv_1(E))))``: G is the grid of before, E is G extended by its edge values by n
    samples on every side of every axis, and each convolution (a cross-correlation) is valid, 3 x 3 x 3, from
    features over ``filter`` to features channels. Its arrays are ``filter{i}.weight`` (out, in, 3, 3, 3) and
    ``filter{i}.bias`` (out,).
    """

    kind: ClassVar[str] = "fvsrn"
    half_extent: tuple[float, float, float]
    components: int
    widths: tuple[int, ...]
    frequencies: int
    features: int
    grid: tuple[int, int, int]
    """Latent samples along z, y, x."""
    wavelet: Optional[Union[WaveletSpec, PyramidSpec]]
    skip: bool = False
    filter: tuple[int, ...] = ()

    @property
    def inputs(self) -> int:
        """Width of the predictor's input."""
        return 3 + 6 * self.frequencies + self.features

    def grid_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the latent grid's arrays alone."""
        if self.wavelet is None:
            return {"grid": (self.features, *self.grid)}
        if isinstance(self.wavelet, PyramidSpec):
            return {"coefficients": (self.features, *self.grid)}
        levels = level_shapes(self.grid, self.wavelet.levels)
        shapes: dict[str, tuple[int, ...]] = {"approx": (self.features, *(levels[-1][0] if levels else self.grid))}
        for level, (shape, split) in enumerate(levels, start=1):
            if any(split):
                shapes[f"detail{level}"] = (self.features, 2 ** sum(split) - 1, *shape)
        return shapes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every array."""
        return {**self.grid_shapes(), **self.predictor_shapes(), **self.filter_shapes()}

    def predictor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the predictor's arrays; none where there is no predictor."""
        shapes: dict[str, tuple[int, ...]] = {}
        if not self.widths:
            return shapes
        last = self.inputs
        for i, size in enumerate(self.widths):
            shapes[f"layer{i}.weight"] = (size, last)
            shapes[f"layer{i}.bias"] = (size,)
            last = size
        shapes["output.weight"] = (self.components, last)
        shapes["output.bias"] = (self.components,)
        return shapes

    def filter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the filter's arrays; none where there is no filter."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = (self.features, *self.filter, self.features) if self.filter else ()
        for i, (size_in, size_out) in enumerate(zip(channels, channels[1:])):
            shapes[f"filter{i}.weight"] = (size_out, size_in, 3, 3, 3)
            shapes[f"filter{i}.bias"] = (size_out,)
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


@dataclass(frozen=True)
class BricksSpec:
    """A field made of bricks, each with a network of its own: no arrays here."""

    kind: ClassVar[str] = "bricks"
    half_extent: tuple[float, float, float]
    components: int
    count: int
    """How many bricks."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """No arrays."""
        return {}


NetworkSpec = Union[NeurcompSpec, FvSrnSpec, ConstantSpec, BricksSpec]


def spec_to_dict(spec: NetworkSpec) -> dict[str, Any]:
    """The spec as plain JSON types."""
    out: dict[str, Any] = {"version": 1, "kind": spec.kind}
    for key, value in vars(spec).items():
        if key in ("skip", "filter") and not value:
            continue
        if isinstance(value, (WaveletSpec, PyramidSpec)):
            value = {k: _plain(v) for k, v in vars(value).items()}
        out[key] = _plain(value)
    second = isinstance(spec, FvSrnSpec) and (spec.skip or spec.filter or isinstance(spec.wavelet, PyramidSpec))
    if second or isinstance(spec, BricksSpec):
        out["version"] = 2
    return out


def _plain(value: Any) -> Any:
    """Tuples as lists."""
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


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
        width, hidden = read.integer("width", 1, MAX_SIZE), read.integers("hidden", 0, 1024)
        return NeurcompSpec(half, components, width, hidden, read.flag("residual"), read.number("omega"))
    if kind == "fvsrn":
        return _fvsrn(read, half, components, version)
    if kind == "bricks" and version > 1:
        return BricksSpec(half, components, read.integer("count", 1, MAX_BRICKS))
    raise SrnFormatError(
        f"unknown network kind {kind!r}; this release knows 'neurcomp', 'fvsrn', 'constant' and 'bricks'"
    )


def _fvsrn(read: _Reader, half: tuple[float, float, float], components: int, version: int) -> FvSrnSpec:
    gz, gy, gx = read.integers("grid", 3, 3)
    skip = version > 1 and "skip" in read.data and read.flag("skip")
    filter_: tuple[int, ...] = ()
    if version > 1 and "filter" in read.data:
        filter_ = read.integers("filter", 0, MAX_FILTER_CONVOLUTIONS - 1, MAX_FILTER_CHANNELS)
    features = read.integer("features", 1, MAX_FILTER_CHANNELS if filter_ else 4096)
    if skip and features != components:
        raise SrnFormatError(
            f"network spec: with 'skip', {components} components need as many features, not {features}"
        )
    widths = read.integers("widths", 0 if skip else 1, 1024)
    frequencies = read.integer("frequencies", 0, 64)
    wavelet = _wavelet(read.data.get("wavelet"), version)
    return FvSrnSpec(half, components, widths, frequencies, features, (gz, gy, gx), wavelet, skip, filter_)


def _wavelet(data: Any, version: int) -> Optional[Union[WaveletSpec, PyramidSpec]]:
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise SrnFormatError("network spec: 'wavelet' must be an object")
    if version > 1 and "groups" in data:
        return _pyramid(data)
    inner = _Reader(data, "wavelet spec")
    low, high = inner.numbers("rec_lo", 1, 512), inner.numbers("rec_hi", 1, 512)
    if len(low) != len(high) or len(low) % 2:
        raise SrnFormatError("wavelet spec: the two filters must have the same, even length")
    return WaveletSpec(str(inner.data.get("name", "")), inner.integer("levels", 0, 32), low, high)


def _pyramid(data: Mapping[str, Any]) -> PyramidSpec:
    read = _Reader(data, "pyramid spec")
    low, high = (read.numbers(key, 1, MAX_PYRAMID_TAPS, MAX_PYRAMID_TAP) for key in ("low", "high"))
    found, groups = data.get("groups"), []
    for group in found if isinstance(found, list) and len(found) <= 3 else [None]:
        if not isinstance(group, list) or len(group) != 2 or not isinstance(group[0], str) or not group[0]:
            raise SrnFormatError("pyramid spec: 'groups' must be a list of at most 3 pairs of axes and levels")
        levels = read.whole("groups", group[1], 0, MAX_PYRAMID_LEVELS)
        groups.append((group[0], levels))
    letters = "".join(axes for axes, _ in groups)
    if len(letters) > 3 or len(set(letters)) != len(letters) or not set(letters) <= set("zyx"):
        raise SrnFormatError("pyramid spec: the axes of 'groups' must be z, y and x, each at most once")
    return PyramidSpec(str(data.get("name", "")), low, high, tuple(groups))


class _Reader:
    """Typed, bounded access to a dict that came from a file."""

    def __init__(self, data: Mapping[str, Any], what: str) -> None:
        self.data, self.what = data, what

    def integer(self, key: str, low: int, high: int) -> int:
        return self.whole(key, self.data.get(key), low, high)

    def integers(self, key: str, least: int, most: int, high: int = MAX_SIZE) -> tuple[int, ...]:
        return tuple(self.whole(key, v, 1, high) for v in self._list(key, least, most))

    def flag(self, key: str) -> bool:
        value = self.data.get(key)
        if not isinstance(value, bool):
            raise SrnFormatError(f"{self.what}: '{key}' must be true or false")
        return value

    def number(self, key: str) -> float:
        return self._number(key, self.data.get(key))

    def numbers(self, key: str, least: int, most: int, largest: float = 1e300) -> tuple[float, ...]:
        return tuple(self._number(key, v, largest) for v in self._list(key, least, most))

    def _list(self, key: str, least: int, most: int) -> list[Any]:
        value = self.data.get(key)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise SrnFormatError(f"{self.what}: '{key}' must be a list of {least} to {most} numbers")
        return value

    def whole(self, key: str, value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SrnFormatError(f"{self.what}: '{key}' must be a whole number from {low} to {high}")
        return value

    def _number(self, key: str, value: Any, largest: float = 1e300) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -largest < value < largest:
            raise SrnFormatError(f"{self.what}: '{key}' must hold finite numbers below {largest:g}")
        return float(value)

"""Every setting of a compression, frozen, with its meaning, unit and the reason for its default.

Settings are parsed once, at the edge (command line, panel, JSON file), by :meth:`CompressConfig.from_dict`
or :meth:`CompressConfig.with_settings`; wrong names, types and sizes end there in a SrnInputError.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Mapping, Optional, Tuple, Type, TypeVar, Union

from srn_core.errors import SrnInputError

NETWORKS = ("fvsrn", "neurcomp")
PRUNERS = ("none", "smallify")
DEVICES = ("auto", "cpu", "cuda")
QUANTISERS = ("uniform", "kmeans")
SAMPLERS = ("lattice", "random")

T = TypeVar("T")


@dataclass(frozen=True)
class NeurcompConfig:
    """Neurcomp: a residual SIREN (thesis 4.1)."""

    blocks: int = 4
    """Residual blocks, or hidden sine layers when ``residual`` is false."""
    width: Optional[int] = None
    """Neurons k of each layer; None: computed from the target and the depth (thesis 4.1)."""
    residual: bool = True
    """Residual blocks (2.5) or a plain stack of sine layers (2.4)."""
    omega: float = 30.0
    """Frequency scale omega_0 of every sine layer (2.4)."""
    learning_rate: float = 1e-3
    """Adam's first step size; SIRENs of this size diverge from about 5e-3 on."""

    def __post_init__(self) -> None:
        _at_least("neurcomp.blocks", self.blocks, 1)
        _at_most("neurcomp.blocks", self.blocks, 64)
        _optional_size("neurcomp.width", self.width, 1, 4096)
        _positive("neurcomp.omega", self.omega)
        _positive("neurcomp.learning_rate", self.learning_rate)


@dataclass(frozen=True)
class FvSrnConfig:
    """fv-SRN: a latent grid kept as wavelet coefficients, and a small predictor (thesis 4.2)."""

    layers: int = 3
    """Hidden layers of the predictor."""
    width: Optional[int] = None
    """Neurons of each hidden layer; None: 16 to 32 by the target size."""
    frequencies: int = 4
    """Fourier frequencies L of the position (2.3.2); 0 leaves the plain position."""
    features: int = 4
    """Latent features per grid vertex."""
    grid: Optional[Tuple[int, int, int]] = None
    """Latent samples along x, y, z; None: from the target size, in the volume's proportions."""
    wavelet: str = "bior4.4"
    """Any discrete PyWavelets filter, or "none" for a spatial grid (5.4.1)."""
    levels: int = 3
    """Wavelet levels; axes that become shorter than 4 are split no further."""
    learning_rate: float = 2e-2
    """Adam's first step size; on turbulent pressure, 128^3 and 12 passes, 1e-2 ended 3 dB lower and 4e-2 1 dB."""

    def __post_init__(self) -> None:
        _at_least("fvsrn.layers", self.layers, 1)
        _at_most("fvsrn.layers", self.layers, 32)
        _optional_size("fvsrn.width", self.width, 1, 1024)
        _at_least("fvsrn.frequencies", self.frequencies, 0)
        _at_most("fvsrn.frequencies", self.frequencies, 24)
        _at_least("fvsrn.features", self.features, 1)
        _at_most("fvsrn.features", self.features, 256)
        if self.grid is not None and (len(self.grid) != 3 or not all(1 <= g <= 1024 for g in self.grid)):
            raise SrnInputError(f"fvsrn.grid must be three sizes from 1 to 1024 (x, y, z), not {self.grid}")
        _at_least("fvsrn.levels", self.levels, 0)
        _at_most("fvsrn.levels", self.levels, 10)
        _positive("fvsrn.learning_rate", self.learning_rate)


@dataclass(frozen=True)
class SmallifyConfig:
    """Smallify switches (thesis 2.4.2, 4.1.1)."""

    lambda_beta: Optional[float] = None
    """Weight of the L1 norm of the switches (2.12); larger prunes more.
    None: what the thesis' regressions give for the network and the wanted ratio."""
    lambda_weight: Optional[float] = None
    """Weight of the squared L2 norm of the weights behind the switches (2.12); None: as above."""
    momentum: float = 0.02
    """Share of a new observation in the sign's moving mean and variance (4.1)."""
    initial: str = "normal"
    """Switches start "normal", drawn from N(0, 1) as in the thesis, or open: "one"."""
    threshold: float = 0.5
    """A switch whose sign variance is above this is pruned; the variance of a fair coin is 1."""

    def __post_init__(self) -> None:
        for name in ("lambda_beta", "lambda_weight"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise SrnInputError(f"smallify.{name} must not be negative, but is {value}")
        if not 0 < self.momentum < 1:
            raise SrnInputError(f"smallify.momentum must lie between 0 and 1, not {self.momentum}")
        _choice("smallify.initial", self.initial, ("normal", "one"))
        _positive("smallify.threshold", self.threshold)


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how the network is trained."""

    passes: Optional[float] = None
    """Passes over the volume (one pass draws as many samples as there are voxels); None: 75 for fvsrn, 100 for
    neurcomp, more for small volumes; with ``seconds``, up to four times as many."""
    seconds: Optional[float] = None
    """Wall-clock budget of the training; with ``passes``, whichever ends first."""
    batch: int = 32768
    """Samples per step, at most; a small volume is given at least 16 steps a pass."""
    sampler: str = "lattice"
    """"lattice": random tensor-product positions on voxels, whose truth is exact and whose
    interpolation is separable; "random": independent positions, trilinear truth (thesis)."""
    prune_share: float = 2.0 / 3.0
    """Share of the run that trains with the pruner; the rest fine-tunes (thesis 4.1.1)."""
    fine_tune_rate: float = 0.5
    """Step size of fine-tuning, as a share of the first one."""
    final_rate: float = 0.02
    """Step size at the end of a phase, as a share of its start (cosine decay)."""

    def __post_init__(self) -> None:
        if self.passes is not None:
            _positive("training.passes", self.passes)
        if self.seconds is not None:
            _positive("training.seconds", self.seconds)
        _at_least("training.batch", self.batch, 1)
        _at_most("training.batch", self.batch, 1 << 24)
        _choice("training.sampler", self.sampler, SAMPLERS)
        for name in ("prune_share", "final_rate", "fine_tune_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise SrnInputError(f"training.{name} must lie between 0 and 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class QuantiseConfig:
    """How the trained numbers are stored (thesis 2.3.1, 5.2)."""

    method: str = "uniform"
    """"uniform": equal steps, zero kept exactly; "kmeans": a codebook per array."""
    grid_bits: int = 8
    """Bits of a latent coefficient."""
    weight_bits: Optional[int] = None
    """Bits of a weight; None: 16 for fv-SRN's predictor, 8 for Neurcomp (thesis 5.2)."""

    def __post_init__(self) -> None:
        _choice("quantise.method", self.method, QUANTISERS)
        for name in ("grid_bits", "weight_bits"):
            _optional_size(f"quantise.{name}", getattr(self, name), 1, 16)


@dataclass(frozen=True)
class TargetConfig:
    """What the file must reach. At most one may be given; none means ratio 100."""

    ratio: Optional[float] = None
    """Bytes of the original array / bytes of the file on disk, at least."""
    bytes: Optional[int] = None
    """Bytes of the file on disk, at most."""

    def __post_init__(self) -> None:
        if self.ratio is not None and self.bytes is not None:
            raise SrnInputError("give either a ratio or a number of bytes, not both")
        if self.ratio is not None:
            _positive("target.ratio", self.ratio)
        if self.bytes is not None:
            _at_least("target.bytes", self.bytes, 1)


@dataclass(frozen=True)
class CompressConfig:
    """All settings of one compression."""

    network: str = "fvsrn"
    """"fvsrn" (fast on a CPU) or "neurcomp" (smooth fields, long training)."""
    pruner: str = "smallify"
    """Name of the pruner, or "none"."""
    device: str = "auto"
    """"auto" takes CUDA where torch finds it."""
    seed: int = 0
    """Seeds every random number; same input, settings, seed and machine give the same file."""
    target: TargetConfig = field(default_factory=TargetConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    quantise: QuantiseConfig = field(default_factory=QuantiseConfig)
    fvsrn: FvSrnConfig = field(default_factory=FvSrnConfig)
    neurcomp: NeurcompConfig = field(default_factory=NeurcompConfig)
    smallify: SmallifyConfig = field(default_factory=SmallifyConfig)

    def __post_init__(self) -> None:
        _choice("network", self.network, NETWORKS)
        _choice("pruner", self.pruner, PRUNERS)
        _choice("device", self.device, DEVICES)
        if not 0 <= self.seed < 2**63:
            raise SrnInputError(f"seed must be a whole number from 0 to 2^63 - 1, not {self.seed}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; :meth:`from_dict` reads them back to an equal config."""
        return typing.cast("dict[str, Any]", _plain(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CompressConfig:
        """The config a (nested) dict describes; what it leaves out keeps its default."""
        return _build(cls, data, "")

    def with_settings(self, settings: Mapping[str, Any]) -> CompressConfig:
        """A copy with dotted keys set, as in ``{"fvsrn.features": 8, "target.ratio": "200"}``.

        Strings are parsed by the setting's type, so the command line's ``--set key=value`` comes here unparsed.
        """
        config: Any = self
        for key, value in settings.items():
            config = _set(config, key.split("."), value, key)
        return typing.cast(CompressConfig, config)


def setting_names(cls: type = CompressConfig, prefix: str = "") -> list[str]:
    """The dotted names of all settings, in order."""
    names: list[str] = []
    for item in fields(cls):
        kind = typing.get_type_hints(cls)[item.name]
        if is_dataclass(kind):
            names += setting_names(typing.cast(type, kind), f"{prefix}{item.name}.")
        else:
            names.append(prefix + item.name)
    return names


def _set(config: Any, path: list[str], value: Any, key: str) -> Any:
    hints = typing.get_type_hints(type(config))
    if path[0] not in hints:
        raise SrnInputError(f"unknown setting '{key}'; known settings: {', '.join(setting_names())}")
    kind = hints[path[0]]
    if len(path) > 1:
        if not is_dataclass(kind):
            raise SrnInputError(f"unknown setting '{key}'; known settings: {', '.join(setting_names())}")
        return replace(config, **{path[0]: _set(getattr(config, path[0]), path[1:], value, key)})
    if is_dataclass(kind):
        return replace(config, **{path[0]: _build(typing.cast(type, kind), value, key + ".")})
    return replace(config, **{path[0]: _convert(kind, value, key)})


def _build(cls: Type[T], data: Any, prefix: str) -> T:
    if not isinstance(data, Mapping):
        raise SrnInputError(f"settings {prefix or 'file'} must be an object of names and values")
    hints = typing.get_type_hints(cls)
    unknown = [k for k in data if k not in hints]
    if unknown:
        raise SrnInputError(f"unknown setting '{prefix}{unknown[0]}'; known settings: {', '.join(setting_names())}")
    values = {
        k: _build(hints[k], v, f"{prefix}{k}.") if is_dataclass(hints[k]) else _convert(hints[k], v, prefix + k)
        for k, v in data.items()
    }
    return cls(**values)


def _convert(kind: Any, value: Any, key: str) -> Any:
    """``value`` as ``kind``, which is one of the types the settings above have; strings are parsed."""
    if typing.get_origin(kind) is Union:
        if value is None or (isinstance(value, str) and value.lower() in ("none", "auto", "")):
            return None
        return _convert(next(k for k in typing.get_args(kind) if k is not type(None)), value, key)
    try:
        if typing.get_origin(kind) is tuple:
            parts = value.replace(",", " ").replace("x", " ").split() if isinstance(value, str) else list(value)
            return tuple(_convert(int, p, key) for p in parts)
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]
        if kind is int:
            number = int(value) if isinstance(value, str) else value
            if isinstance(number, bool) or int(number) != number:
                raise ValueError
            return int(number)
        if kind is float:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
            if number != number or number in (float("inf"), float("-inf")):
                raise ValueError
            return number
        if kind is str and isinstance(value, str):
            return value
        raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        name = getattr(kind, "__name__", str(kind))
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"}
        meant = wanted.get(name, "three whole numbers")
        raise SrnInputError(f"setting '{key}' must be {meant}, not {value!r}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _at_least(name: str, value: float, low: float) -> None:
    if value < low:
        raise SrnInputError(f"{name} must be at least {low}, not {value}")


def _at_most(name: str, value: float, high: float) -> None:
    if value > high:
        raise SrnInputError(f"{name} must be at most {high}, not {value}")


def _optional_size(name: str, value: Optional[int], low: int, high: int) -> None:
    if value is not None:
        _at_least(name, value, low)
        _at_most(name, value, high)


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise SrnInputError(f"{name} must be more than 0, not {value}")


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SrnInputError(f"{name} must be one of {', '.join(known)}, not {value!r}")

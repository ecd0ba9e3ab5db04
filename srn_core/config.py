"""Every setting of a compression, frozen, with its meaning, unit and the reason for its default.

Settings are parsed once, at the edge (command line, panel, JSON file), by :meth:`CompressConfig.from_dict`
or :meth:`CompressConfig.with_settings`; wrong names, types and sizes end there in a SrnInputError.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

from srn_core.errors import SrnInputError
from srn_core.pruner_settings import MaskConfig, PruningConfig, SmallifyConfig, VariationalConfig
from srn_core.settings import (
    at_least,
    at_most,
    built,
    choice,
    names_of,
    not_negative,
    optional_size,
    plain,
    positive,
    with_setting,
)

NETWORKS = ("auto", "fvsrn", "neurcomp")
PRUNERS = ("rate", "none", "mask", "smallify", "variational-static", "variational-dynamic")
DEVICES = ("auto", "cpu", "cuda")
QUANTISERS = ("uniform", "kmeans")
SAMPLERS = ("lattice", "random")
DECAYS = ("cosine", "passes", "plateau")
PRESETS = ("fast", "balanced", "best")
PASSES_BY_PRESET = {"fast": 0.25, "balanced": 1.0, "best": 4.0}
"""Automatic passes of each preset, as a multiple of those of "balanced"; an fv-SRN by rate trains nothing if fast."""


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
    gradient_weight: float = 0.0
    """Weight lambda_g of the squared error of the field's spatial derivatives (2.7), in shares of their own mean square
    so that one weight suits smooth and turbulent fields: 0.01 to 1 is sensible. 0: not asked for; otherwise a step
    takes several times as long."""

    def __post_init__(self) -> None:
        at_least("neurcomp.blocks", self.blocks, 1)
        at_most("neurcomp.blocks", self.blocks, 64)
        optional_size("neurcomp.width", self.width, 1, 4096)
        positive("neurcomp.omega", self.omega)
        positive("neurcomp.learning_rate", self.learning_rate)
        not_negative("neurcomp.gradient_weight", self.gradient_weight)


@dataclass(frozen=True)
class FvSrnConfig:
    """fv-SRN, trained: a latent grid kept as wavelet coefficients, and a small predictor (thesis 4.2).

    All of these belong to training. With the pruner "rate" the grid has the volume's own resolution, there is no
    predictor, and the wavelet is chosen by measured bytes: given there, they are refused (see srn_core.idle_settings).
    """

    layers: int = 3
    """Hidden layers of the predictor."""
    width: Optional[int] = None
    """Neurons of each hidden layer; None: 16 to 32 by the target size."""
    frequencies: int = 4
    """Fourier frequencies L of the position (2.3.2); 0 leaves the plain position."""
    features: Optional[int] = None
    """Latent features per grid vertex; None: 8, or 1 on the finer grid that a pruner starts with."""
    grid: Optional[Tuple[int, int, int]] = None
    """Latent samples along x, y, z; None: from the target size, in the volume's proportions."""
    wavelet: str = "bior4.4"
    """Any discrete PyWavelets filter, or "none" for a spatial grid (5.4.1)."""
    levels: int = 3
    """Wavelet levels; axes that become shorter than 4 are split no further."""
    learning_rate: float = 2e-2
    """Adam's first step size; on turbulent pressure, 128^3 and 12 passes, 1e-2 ended 3 dB lower and 4e-2 1 dB."""

    def __post_init__(self) -> None:
        at_least("fvsrn.layers", self.layers, 1)
        at_most("fvsrn.layers", self.layers, 32)
        optional_size("fvsrn.width", self.width, 1, 1024)
        at_least("fvsrn.frequencies", self.frequencies, 0)
        at_most("fvsrn.frequencies", self.frequencies, 24)
        optional_size("fvsrn.features", self.features, 1, 256)
        if self.grid is not None and (len(self.grid) != 3 or not all(1 <= g <= 1024 for g in self.grid)):
            raise SrnInputError(f"fvsrn.grid must be three sizes from 1 to 1024 (x, y, z), not {self.grid}")
        at_least("fvsrn.levels", self.levels, 0)
        at_most("fvsrn.levels", self.levels, 10)
        positive("fvsrn.learning_rate", self.learning_rate)


@dataclass(frozen=True)
class RateConfig:
    """fv-SRN pruned by rate: what bits are worth, and how wide the filter is (docs/rate-distortion.md)."""

    price: float = 0.1
    """Lambda of J = D + lambda R, in squared steps per bit: the larger, the more coefficients go, and the finer is the
    step that then fills the file. High-rate theory says 0.116."""
    channels: Optional[int] = None
    """Channels of the filter's hidden layer, 55 bytes each; None: 4 to 32 by the bytes of the file, none below 4000."""

    def __post_init__(self) -> None:
        not_negative("rate.price", self.price)
        at_most("rate.price", self.price, 10)
        optional_size("rate.channels", self.channels, 1, 256)


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how the network is trained."""

    passes: Optional[float] = None
    """Passes over the volume (one pass draws as many samples as there are voxels, or as an array of a mesh has); None:
    75 for fvsrn, 100 for neurcomp, more for small volumes, times what the preset says; with ``seconds``, up to four
    times as many. An fv-SRN pruned by rate trains its filter alone: None: 5 to 100 by the volume's size, times what the
    preset says, or as ``seconds`` allow; 0: no filter, and no training at all."""
    seconds: Optional[float] = None
    """Wall-clock budget of the training; with ``passes``, whichever ends first. Network "auto": of each of the two."""
    batch: int = 32768
    """Samples per step, at most; a small volume is given at least 16 steps a pass."""
    sampler: str = "lattice"
    """"lattice": random tensor-product positions on voxels, whose truth is exact and whose
    interpolation is separable; "random": independent positions, trilinear truth (thesis). Of an array of a mesh it is
    its own samples, each once a pass, either way."""
    prune_share: float = 2.0 / 3.0
    """Share of the run that trains with the pruner; the rest fine-tunes (thesis 4.1.1)."""
    fine_tune_rate: float = 0.5
    """Step size of fine-tuning, as a share of the first one."""
    decay: str = "cosine"
    """How the step size falls within a phase: "cosine", half a wave down to ``final_rate``; "passes", times
    ``decay_factor`` every ``decay_passes``; "plateau", times that when the error no longer falls."""
    final_rate: float = 0.02
    """Step size at the end of a phase, as a share of its start; the other decays never go below it."""
    decay_factor: float = 0.5
    """What one step of the decays "passes" and "plateau" leaves of the step size."""
    decay_passes: float = 10.0
    """Passes between two steps of the decay "passes", and without progress before one of "plateau"."""
    start: Optional[str] = None
    """A .srn file whose network the training starts from (a warm start); its sizes then count, not the target's."""

    def __post_init__(self) -> None:
        if self.passes is not None:
            not_negative("training.passes", self.passes)
        if self.seconds is not None:
            positive("training.seconds", self.seconds)
        at_least("training.batch", self.batch, 1)
        at_most("training.batch", self.batch, 1 << 24)
        choice("training.sampler", self.sampler, SAMPLERS)
        choice("training.decay", self.decay, DECAYS)
        positive("training.decay_passes", self.decay_passes)
        for name in ("prune_share", "final_rate", "fine_tune_rate", "decay_factor"):
            if not 0 < getattr(self, name) <= 1:
                raise SrnInputError(f"training.{name} must lie between 0 and 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class QuantiseConfig:
    """How the trained numbers are stored (thesis 2.3.1, 5.2)."""

    method: str = "uniform"
    """"uniform": equal steps, zero kept exactly; "kmeans": a codebook per array."""
    grid_bits: Optional[int] = None
    """Bits of a latent coefficient, at most; None: as many as fill the file (k-means: 8, thesis 5.2)."""
    weight_bits: Optional[int] = None
    """Bits of a weight, at most; None: as many as fill the file, about 8 (thesis Fig 5.1)."""
    fine_tune_passes: float = 0.0
    """Passes in which the codebooks (or, with "uniform", the steps) are trained once the codes are fixed."""

    def __post_init__(self) -> None:
        choice("quantise.method", self.method, QUANTISERS)
        for name in ("grid_bits", "weight_bits"):
            optional_size(f"quantise.{name}", getattr(self, name), 1, 16)
        not_negative("quantise.fine_tune_passes", self.fine_tune_passes)


@dataclass(frozen=True)
class TargetConfig:
    """What the file must keep to. At most one may be given; none means ratio 100."""

    ratio: Optional[float] = None
    """Bytes of the original array / bytes of the file on disk, at least."""
    bytes: Optional[int] = None
    """Bytes of the file on disk, at most."""
    parameter_ratio: Optional[float] = None
    """Values of the original array / numbers of the network that are not zero, at least: the ratio of the thesis."""
    psnr: Optional[float] = None
    """Full-range PSNR of the decoded file in dB, from 1 to 200: the smallest file that has it."""
    max_error: Optional[Union[float, str]] = None
    """Largest error of any voxel in the array's units, or "0.5%" of its value range: the smallest file that has it."""

    def __post_init__(self) -> None:
        if sum(getattr(self, item.name) is not None for item in dataclasses.fields(self)) > 1:
            raise SrnInputError(
                "give one target: a ratio, a number of bytes, a parameter ratio, a PSNR or a largest error"
            )
        for name in ("ratio", "parameter_ratio"):
            if getattr(self, name) is not None:
                positive(f"target.{name}", getattr(self, name))
        if self.bytes is not None:
            at_least("target.bytes", self.bytes, 1)
        if self.psnr is not None:
            at_least("target.psnr", self.psnr, 1)
            at_most("target.psnr", self.psnr, 200)
        if self.max_error is not None:
            error_bound(self.max_error, ((0.0, 1.0),))


def error_share(max_error: Union[float, str]) -> Optional[float]:
    """The share of the value range that "0.5%" names; None for a number, which is in the array's units.

    Raises SrnInputError for what is neither a number nor a percentage.
    """
    text = str(max_error).strip()
    share = text.endswith("%")
    try:
        number = float(text[:-1] if share else text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf or isinstance(max_error, bool):
        raise SrnInputError(
            f"target.max_error must be a number above 0, or a share of the value range as in 0.5%, not {max_error!r}"
        )
    if share and number > 100:
        raise SrnInputError(f"target.max_error must be at most 100%, not {max_error}")
    return number / 100 if share else None


def error_bound(max_error: Union[float, str], value_range: Sequence[Tuple[float, float]]) -> float:
    """A largest error in the array's units; percentages are of the widest component's (minimum, maximum).

    Raises SrnInputError as :func:`error_share`.
    """
    share = error_share(max_error)
    return float(max_error) if share is None else share * max(high - low for low, high in value_range)


@dataclass(frozen=True)
class BricksConfig:
    """How a volume is cut into bricks that are compressed one by one, and blended when they are decoded."""

    edge: Optional[int] = None
    """Samples along each axis of a brick, at most; a volume no longer than that is not cut. None: 256 for those of more
    than 2^27 numbers, whose compression would take more than 8 GB; others are not cut. 0: never."""
    halo: int = 4
    """Samples that a brick reaches beyond where it is cut: over twice as many it is blended with its neighbour. More of
    them hide more, and cost more bytes: 4 about 5 % of a volume of 512^3 in bricks of 256^3."""

    def __post_init__(self) -> None:
        if self.edge is not None and self.edge != 0:
            at_least("bricks.edge", self.edge, 16)
            at_most("bricks.edge", self.edge, 65536)
        at_least("bricks.halo", self.halo, 1)
        at_most("bricks.halo", self.halo, 64)


@dataclass(frozen=True)
class SeriesConfig:
    """How the time steps of one file belong together."""

    key_every: int = 8
    """Of an fv-SRN by rate: at least every so many-th time step is stored whole, as a key frame; the others as what has
    changed since the step before, where that takes fewer bytes. To decode a step, those since its key frame are decoded
    first, if they are not at hand. 1: each step is stored whole."""

    def __post_init__(self) -> None:
        at_least("series.key_every", self.key_every, 1)
        at_most("series.key_every", self.key_every, 64)


@dataclass(frozen=True)
class CompressConfig:
    """All settings of one compression."""

    network: str = "fvsrn"
    """"fvsrn" (with "rate" in seconds, the best in nearly all volumes), "neurcomp" (smooth fields, long training; best
    with the pruner "none"), or "auto": both, where the target is a size, and the better one is kept."""
    pruner: str = "rate"
    """Name of the pruner, or "none". "rate" needs no training, and of an fv-SRN makes the smallest files and the only
    ones that keep to a PSNR; the others are those of the thesis."""
    device: str = "auto"
    """"auto" takes CUDA where torch finds it."""
    preset: str = "balanced"
    """How much work, where neither passes nor seconds are given. Of an fv-SRN by rate: "fast" trains no filter and
    needs no torch, "best" trains it four times as long as "balanced". Of a trained network: a quarter, and four
    times."""
    time_limit: Optional[float] = None
    """Wall-clock seconds for all of it, not training alone: at its end the best so far is packed. What comes before a
    promise is kept, and the packing, are not cut short. None: no limit."""
    seed: int = 0
    """Seeds every random number; same input, settings, seed and machine give the same file."""
    predictor: str = "auto"
    """Where settings that are left open, and the first guess at a quantiser's step, come from: "shipped", the product's
    own predictor; the path of one that ``srn search-fit`` made; "none"; or "auto": the one that the environment
    variable SRN_PREDICTOR names, else the user's own if there is one, else "shipped"."""
    target: TargetConfig = field(default_factory=TargetConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    quantise: QuantiseConfig = field(default_factory=QuantiseConfig)
    rate: RateConfig = field(default_factory=RateConfig)
    fvsrn: FvSrnConfig = field(default_factory=FvSrnConfig)
    neurcomp: NeurcompConfig = field(default_factory=NeurcompConfig)
    pruning: PruningConfig = field(default_factory=PruningConfig)
    mask: MaskConfig = field(default_factory=MaskConfig)
    smallify: SmallifyConfig = field(default_factory=SmallifyConfig)
    variational: VariationalConfig = field(default_factory=VariationalConfig)
    bricks: BricksConfig = field(default_factory=BricksConfig)
    series: SeriesConfig = field(default_factory=SeriesConfig)

    def __post_init__(self) -> None:
        choice("network", self.network, NETWORKS)
        choice("pruner", self.pruner, PRUNERS)
        choice("device", self.device, DEVICES)
        choice("preset", self.preset, PRESETS)
        if self.time_limit is not None:
            positive("time_limit", self.time_limit)
        if not 0 <= self.seed < 2**63:
            raise SrnInputError(f"seed must be a whole number from 0 to 2^63 - 1, not {self.seed}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; :meth:`from_dict` reads them back to an equal config."""
        return typing.cast("dict[str, Any]", plain(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CompressConfig:
        """The config a (nested) dict describes; what it leaves out keeps its default."""
        return built(cls, data)

    def with_settings(self, settings: Mapping[str, Any]) -> CompressConfig:
        """A copy with dotted keys set, as in ``{"fvsrn.features": 8, "target.ratio": "200"}``.

        Strings are parsed by the setting's type, so the command line's ``--set key=value`` comes here unparsed.
        """
        config = self
        for key, value in settings.items():
            config = with_setting(config, key, value)
        return config


def by_rate(config: CompressConfig) -> bool:
    """Whether the settings mean the analytic fv-SRN that is pruned by rate: no network is trained then."""
    return config.network == "fvsrn" and config.pruner == "rate"


def setting_names() -> list[str]:
    """The dotted names of all settings, in order."""
    return names_of(CompressConfig)

"""Which property of Neural Compress' panel is which setting, and when it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Tuple

from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_filters.algorithm import NeuralAlgorithm, text

Condition = Tuple[str, Tuple[str, ...]]
"""Another property, and values of it."""


def _only(other: str, *values: str) -> tuple[Condition, ...]:
    return ((other, values),)


NEURCOMP = _only("Network", "auto", "neurcomp")
ONE_NETWORK = _only("Network", "fvsrn", "neurcomp")
"""Network auto chooses the pruners itself."""
MASK = _only("Pruner", "mask")
SMALLIFY = _only("Pruner", "smallify")
STATIC = _only("Pruner", "variational-static")
DYNAMIC = _only("Pruner", "variational-dynamic")
VARIATIONAL = _only("Pruner", "variational-static", "variational-dynamic")
PRUNING = _only("Pruner", "mask", "smallify", "variational-static", "variational-dynamic")
FVSRN = _only("Network", "fvsrn") + _only("Pruner", "none", *PRUNING[0][1])
"""A trained one: pruned by rate it has none of these settings."""
BY_RATE = _only("Network", "fvsrn") + _only("Pruner", "rate")
STEPS = _only("Decay", "passes", "plateau")
FIXED = _only("PruningThresholds", "fixed")

SECTIONS = {
    "rate": "",
    "none": "",
    "mask": "mask",
    "smallify": "smallify",
    "variational-static": "variational",
    "variational-dynamic": "variational",
}
"""Pruner -> the section of the settings that is its own."""


@dataclass(frozen=True)
class Bound:
    """What a property of the panel sets."""

    setting: str
    """Dotted name of the setting."""
    automatic: Any = None
    """The value with which the panel says None: the library chooses."""
    when: tuple[Condition, ...] = ()
    """What must all hold for this one to be shown and to count: other properties that count, and their values."""


@dataclass(frozen=True)
class Target:
    """A property of the panel that says what the file must keep to."""

    choice: str
    """Value of the property Target with which it is shown and counts."""
    setting: str
    """Dotted name of the setting."""
    default: Any
    """What the panel shows before anybody touches it."""


TARGETS: Mapping[str, Target] = {
    "TargetRatio": Target("ratio", "target.ratio", 100.0),
    "TargetBytes": Target("bytes", "target.bytes", 100_000),
    "TargetPSNR": Target("psnr", "target.psnr", 50.0),
    "MaxError": Target("max-error", "target.max_error", "0.5%"),
    "ParameterRatio": Target("parameter-ratio", "target.parameter_ratio", 100.0),
}
"""Property -> target. The first one's default is left to the library, which spares small volumes an impossible one."""

PANEL: Mapping[str, Bound] = {
    "Preset": Bound("preset"),
    "TimeLimit": Bound("time_limit", 0.0),
    "Network": Bound("network"),
    "Pruner": Bound("pruner", when=ONE_NETWORK),
    "TrainingSeconds": Bound("training.seconds", 0.0),
    "TrainingPasses": Bound("training.passes", -1.0),
    "Batch": Bound("training.batch"),
    "Sampler": Bound("training.sampler"),
    "PruneShare": Bound("training.prune_share"),
    "FineTuneRate": Bound("training.fine_tune_rate"),
    "Decay": Bound("training.decay"),
    "FinalRate": Bound("training.final_rate"),
    "DecayFactor": Bound("training.decay_factor", when=STEPS),
    "DecayPasses": Bound("training.decay_passes", when=STEPS),
    "StartFile": Bound("training.start", ""),
    "RatePrice": Bound("rate.price", when=BY_RATE),
    "FilterChannels": Bound("rate.channels", 0, BY_RATE),
    "Features": Bound("fvsrn.features", 0, FVSRN),
    "Wavelet": Bound("fvsrn.wavelet", when=FVSRN),
    "WaveletLevels": Bound("fvsrn.levels", when=FVSRN),
    "LatentGrid": Bound("fvsrn.grid", (0, 0, 0), FVSRN),
    "PredictorLayers": Bound("fvsrn.layers", when=FVSRN),
    "PredictorWidth": Bound("fvsrn.width", 0, FVSRN),
    "FourierFrequencies": Bound("fvsrn.frequencies", when=FVSRN),
    "FvsrnLearningRate": Bound("fvsrn.learning_rate", when=FVSRN),
    "Blocks": Bound("neurcomp.blocks", when=NEURCOMP),
    "Width": Bound("neurcomp.width", 0, NEURCOMP),
    "Residual": Bound("neurcomp.residual", when=NEURCOMP),
    "GradientWeight": Bound("neurcomp.gradient_weight", when=NEURCOMP),
    "Omega": Bound("neurcomp.omega", when=NEURCOMP),
    "NeurcompLearningRate": Bound("neurcomp.learning_rate", when=NEURCOMP),
    "MaskLambda": Bound("mask.lambda_mask", -1.0, MASK),
    "MaskWeightLambda": Bound("mask.lambda_weight", -1.0, MASK),
    "MaskWeightNorm": Bound("mask.weight_norm", when=MASK),
    "MaskInitial": Bound("mask.initial", when=MASK),
    "MaskThreshold": Bound("mask.threshold", when=MASK),
    "SmallifyLambda": Bound("smallify.lambda_beta", -1.0, SMALLIFY),
    "SmallifyWeightLambda": Bound("smallify.lambda_weight", -1.0, SMALLIFY),
    "SmallifyWeightNorm": Bound("smallify.weight_norm", when=SMALLIFY),
    "SmallifyMomentum": Bound("smallify.momentum", when=SMALLIFY),
    "SmallifyInitial": Bound("smallify.initial", when=SMALLIFY),
    "SmallifyThreshold": Bound("smallify.threshold", when=SMALLIFY),
    "VariationalPsigma": Bound("variational.psigma", 0.0, STATIC),
    "VariationalInitialDropRate": Bound("variational.initial_drop_rate", when=VARIATIONAL),
    "VariationalThreshold": Bound("variational.threshold", when=VARIATIONAL),
    "VariationalKLWeight": Bound("variational.kl_weight", -1.0, VARIATIONAL),
    "VariationalKLRamp": Bound("variational.kl_ramp", when=VARIATIONAL),
    "VariationalWeightLambda": Bound("variational.lambda_weight", when=VARIATIONAL),
    "VariationalWeightNorm": Bound("variational.weight_norm", when=VARIATIONAL),
    "VariationalEntropyLambda": Bound("variational.lambda_entropy", when=VARIATIONAL),
    "VariationalSigmaLayers": Bound("variational.sigma_layers", when=DYNAMIC),
    "VariationalSigmaWidth": Bound("variational.sigma_width", when=DYNAMIC),
    "VariationalLocalReparameterisation": Bound("variational.local_reparameterisation", when=VARIATIONAL),
    "VariationalReflections": Bound("variational.reflections", when=VARIATIONAL),
    "PruningThresholds": Bound("pruning.thresholds", when=PRUNING),
    "LayerThresholds": Bound("pruning.layers", "", FIXED),
    "PrunerLearningRate": Bound("pruning.learning_rate", when=PRUNING),
    "Oversize": Bound("pruning.oversize", 0.0, PRUNING),
    "GridBits": Bound("quantise.grid_bits", 0),
    "WeightBits": Bound("quantise.weight_bits", 0),
    "Quantiser": Bound("quantise.method"),
    "QuantiserPasses": Bound("quantise.fine_tune_passes"),
    "KeyEvery": Bound("series.key_every", when=BY_RATE),
    "BrickEdge": Bound("bricks.edge", -1),
    "BrickHalo": Bound("bricks.halo"),
    "Seed": Bound("seed"),
    "Predictor": Bound("predictor"),
}
"""Property -> setting. A property that another one's depends on stands before it."""


def default_of(bound: Bound) -> Any:
    """What the panel shows of a setting that nobody touched."""
    value: Any = CompressConfig()
    for part in bound.setting.split("."):
        value = getattr(value, part)
    return bound.automatic if value is None else value


def chosen(panel: Mapping[str, Any]) -> dict[str, Any]:
    """Setting -> value of the properties that count: what the panel hides (the settings of pruners and networks that
    were not chosen) has no say, whatever was typed there before."""
    counts: dict[str, bool] = {}
    settings: dict[str, Any] = {}
    for name, bound in PANEL.items():
        counts[name] = all(counts[other] and panel[other] in values for other, values in bound.when)
        if counts[name]:
            settings[bound.setting] = None if panel[name] == bound.automatic else panel[name]
    return settings


def chosen_target(panel: Mapping[str, Any]) -> dict[str, Any]:
    """Setting -> value of the target that is chosen. Raises SrnInputError for a choice that is none."""
    known = {target.choice: name for name, target in TARGETS.items()}
    if panel["Target"] not in known:
        raise SrnInputError(f"Target must be one of {', '.join(known)}, not {panel['Target']!r}")
    name = known[panel["Target"]]
    if name == "TargetRatio" and panel[name] == TARGETS[name].default:
        return {}
    return {TARGETS[name].setting: panel[name]}


class WithPanel(NeuralAlgorithm):
    """An algorithm that has a method ``Set...`` for every property of :data:`PANEL` and :data:`TARGETS`, and remembers
    in ``panel``."""

    panel: dict[str, Any]

    def remember_defaults(self) -> None:
        """Start from the settings' own defaults."""
        self.panel = {name: default_of(bound) for name, bound in PANEL.items()}
        self.panel.update({name: target.default for name, target in TARGETS.items()}, Target="ratio")


def _setter(name: str) -> Callable[..., None]:
    def set_value(self: WithPanel, *values: Any) -> None:
        value: Any = values if len(values) > 1 else values[0]
        if value is None or isinstance(value, str):  # ParaView hands over an empty text as None
            value = text(value)
        if self.panel[name] != value:
            self.panel[name] = value
            self.Modified()

    return set_value


for _name in ("Target", *TARGETS, *PANEL):
    setattr(WithPanel, f"Set{_name}", _setter(_name))

"""From a predictor to the start of one compression: settings that were left open, and the quantiser's first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from srn_core.config import CompressConfig
from srn_core.prediction.predictor import Predictor
from srn_core.prediction.rules import predicted
from srn_core.prediction.size_model import SizeModel
from srn_core.prediction.statistics import VolumeStatistics
from srn_core.settings import setting_of
from srn_core.volume import Volume

if TYPE_CHECKING:
    from srn_core.rate.fit import Forecast, Wanted

NEVER = ("target.", "training.passes", "training.seconds", "training.start")
"""What the user wants, and how long: no prediction changes that."""


def with_predicted(
    config: CompressConfig, predictor: Predictor, volume: Volume, most_bytes: int
) -> tuple[CompressConfig, dict[str, Any]]:
    """The settings with what was left as it is by default taken from the rule of its network and pruner, if there is
    one, and those that were taken (dotted names -> values).

    A warm start, and a target that is no size, are left alone.
    """
    rule = predictor.rule(config.network, config.pruner)
    target = config.target
    if rule is None or config.training.start is not None or target.psnr is not None or target.max_error is not None:
        return config, {}
    ratio = target.parameter_ratio or volume.nbytes / max(most_bytes, 1)
    if rule.ratio_name != ("parameter_ratio" if target.parameter_ratio else "ratio"):
        return config, {}
    told = predicted(rule, ratio, VolumeStatistics.of(volume), volume.geometry.dims).settings
    standard = CompressConfig()
    taken = {
        name: value
        for name, value in told.items()
        if not name.startswith(NEVER) and "." in name and setting_of(config, name) == setting_of(standard, name)
    }
    return config.with_settings(taken), taken


def forecast_of(sizes: SizeModel) -> Forecast:
    """The quantiser's step that a size model forecasts, for :func:`srn_core.rate.fit.fit_rate`."""

    def forecast(coefficients: np.ndarray, wanted: Wanted, start: float) -> float:
        if wanted.psnr is not None:
            return sizes.step_for_psnr(coefficients, wanted.psnr, start).step
        return sizes.step_for_bytes(coefficients, float(wanted.bytes or 1), start).step

    return forecast


def neurcomp_is_worth_it(predictor: Optional[Predictor], volume: Volume, most_bytes: int) -> bool:
    """Whether network auto should train a Neurcomp too: always, where nothing is known."""
    if predictor is None or predictor.neurcomp is None:
        return True
    ratio = volume.nbytes / max(most_bytes, 1)
    return predictor.neurcomp.worth_trying(ratio, VolumeStatistics.of(volume))

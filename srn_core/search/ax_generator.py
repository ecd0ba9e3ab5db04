"""Ax: Bayesian optimisation of two objectives by expected hypervolume improvement (thesis 2.5).

A Gaussian process for each score, and the acquisition function qNEHVI (Daulton et al. 2021), in the form that takes its
logarithm for the sake of its gradients (Ament et al. 2023), which is what Ax itself takes today.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any, Mapping

from srn_core.errors import SrnMissingPackageError
from srn_core.prediction.domains import Domain, Range, Scalar
from srn_core.search.generators import Generator, Known, SobolGenerator
from srn_core.search.objectives import scores
from srn_core.search.ranges import RATIO
from srn_core.search.trial import Trial

LEAST_RESULTS = 3
"""Of fewer results there is nothing to learn: until then the trials go on as they began."""


class AxGenerator(Generator):
    """Sobol points first, then what Ax expects to enlarge the hypervolume most."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._spread = SobolGenerator(*arguments)
        _client_class()

    def propose(self, index: int, known: Known) -> dict[str, Scalar]:
        """The next point. A client is made anew from all results, so that no state can get lost."""
        if self.origin(index, known) == "sobol":
            return self._spread.propose(index, known)
        import torch

        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(self.seed + index)
            client = self._client(index)
            for trial in known.finished:
                if not self.space.holds(trial.parameters):
                    continue
                number = client.attach_trial(dict(trial.parameters))
                figures = _figures(trial)
                if figures:
                    values = scores(figures, self.objectives)
                    client.complete_trial(number, {o.name: v for o, v in zip(self.objectives, values)})
                else:
                    client.mark_trial_failed(number)
            for parameters in known.running:
                client.attach_trial(dict(parameters))
            (proposed,) = client.get_next_trials(1).values()
        # Rounding of logarithms may have moved a number over a bound.
        return {name: domain.nearest(proposed[name]) for name, domain in self.space.free.items()}

    def origin(self, index: int, known: Known) -> str:
        """Ax's own only once there is something to learn from."""
        learning = index >= self.start and sum(trial.done for trial in known.finished) >= LEAST_RESULTS
        return "ax" if learning else "sobol"

    def _client(self, index: int) -> Any:
        from ax.adapter.registry import Generators
        from ax.generation_strategy.generation_node import GenerationNode
        from ax.generation_strategy.generation_strategy import GenerationStrategy
        from ax.generation_strategy.generator_spec import GeneratorSpec
        from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement

        client = _client_class()(random_seed=self.seed + index)
        client.configure_experiment(
            name="srn search", parameters=[_parameter(name, domain) for name, domain in self.space.free.items()]
        )
        client.configure_optimization(", ".join(objective.name for objective in self.objectives))
        arguments = {"botorch_acqf_class": qLogNoisyExpectedHypervolumeImprovement}
        spec = GeneratorSpec(generator_enum=Generators.BOTORCH_MODULAR, generator_kwargs=arguments)
        client.set_generation_strategy(
            GenerationStrategy(name="qNEHVI", nodes=[GenerationNode(name="qNEHVI", generator_specs=[spec])])
        )
        return client


def _client_class() -> Any:
    try:
        from ax.api.client import Client
        from ax.utils.common.logger import set_stderr_log_level
    except ImportError as error:
        raise SrnMissingPackageError("ax-platform", "The generator ax (sobol needs none)", "search") from error
    # It tells of each trial that it is told of.
    set_stderr_log_level(logging.ERROR)
    return Client


def _figures(trial: Trial) -> Mapping[str, Any]:
    """What a trial gave or, if it was hopeless, was about to give: so that nothing like it is tried again."""
    if trial.status == "hopeless" and RATIO in trial.settings:
        return {"ratio": trial.settings[RATIO], "psnr": trial.extra.get("psnr_estimate", 0.0)}
    return trial.measured


def _parameter(name: str, domain: Domain) -> Any:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    if isinstance(domain, Range):
        low, high = (int(domain.low), int(domain.high)) if domain.whole else (domain.low, domain.high)
        kind: Any = "int" if domain.whole else "float"
        return RangeParameterConfig(name, (low, high), kind, scaling="log" if domain.log else "linear")
    kinds: Any = {bool: "bool", int: "int", float: "float", str: "str"}[type(domain.values[0])]
    return ChoiceParameterConfig(name, list(domain.values), kinds, is_ordered=False)  # type: ignore[arg-type]

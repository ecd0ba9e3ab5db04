"""Networks: a registry from a spec's kind to the torch module that trains it."""

from __future__ import annotations

from typing import Optional

import torch

from srn_core.errors import SrnInputError
from srn_core.networks.base import Lattice, PruneSite, SceneNetwork
from srn_core.networks.fvsrn import FvSrn
from srn_core.networks.neurcomp import Neurcomp
from srn_core.spec import NetworkSpec

NETWORKS = {"neurcomp": Neurcomp, "fvsrn": FvSrn}

__all__ = ["NETWORKS", "FvSrn", "Lattice", "Neurcomp", "PruneSite", "SceneNetwork", "build_network"]


def build_network(spec: NetworkSpec, generator: Optional[torch.Generator] = None) -> SceneNetwork:
    """A freshly initialised network of a spec."""
    if spec.kind not in NETWORKS:
        raise SrnInputError(f"no network called '{spec.kind}'; known: {', '.join(NETWORKS)}")
    return NETWORKS[spec.kind](spec, generator)  # type: ignore[arg-type]

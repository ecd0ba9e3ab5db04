"""What a finished file depends on: whatever leaves it as it is trains nothing again."""

from __future__ import annotations

import hashlib
from typing import Optional, Sequence

import numpy as np

from srn_core.config import NETWORKS, CompressConfig
from srn_core.mesh import MeshArray, Sampled
from srn_core.prediction.places import predictor_file
from srn_core.step_before import StepBefore
from srn_filters.panel import SECTIONS


def training_key(
    config: CompressConfig,
    volumes: Sequence[tuple[str, Sampled]],
    before: Sequence[Optional[StepBefore]] = (),
) -> str:
    """What a finished file depends on: the values themselves, of which digests are given (not when VTK last touched
    them), what the file says of them, the settings in force, and the files that the training starts from. Not the
    device, nor the settings of the networks and pruners that are not used.

    ``volumes``: of one time step, added to those ``before`` where these are given; none: of a series.
    """
    settings = config.to_dict()
    if volumes:
        settings.pop("series")
    settings["training"].pop("start")  # a name; what the file holds counts
    # Network auto trains a Neurcomp beside the fv-SRN that is pruned by rate.
    network = "neurcomp" if config.network == "auto" else config.network
    sections = {*NETWORKS, *SECTIONS.values()} - {"", "auto", network, SECTIONS[config.pruner]}
    for name in ("device", *sections):
        settings.pop(name)
    described = [
        (values, str(volume.values.dtype), volume.values.shape, _where(volume), volume.name, volume.time, volume.block)
        for values, volume in volumes
    ]
    files = (config.training.start, str(predictor_file(config.predictor) or ""))
    steps = [None if step is None else step.digest for step in before]
    return repr((described, settings, [_digest_of_file(path) for path in files], steps))


def _digest_of_file(path: Optional[str]) -> str:
    """What a file holds now; the name alone would not tell that it was written anew."""
    try:
        with open(path or "", "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=16).hexdigest()
    except OSError:
        return ""  # the training itself says what is wrong with it


def _where(volume: Sampled) -> object:
    if isinstance(volume, MeshArray):
        return volume.mesh.digest, volume.association, volume.dims
    return volume.geometry


def values_digest(volume: Sampled) -> str:
    """Of the values, and of which of them count."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.ascontiguousarray(volume.values).data.cast("B") if volume.values.size else b"")
    if volume.valid is not None:
        digest.update(np.packbits(volume.valid).tobytes())
    return digest.hexdigest()

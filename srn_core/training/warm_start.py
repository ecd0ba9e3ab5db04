"""A training that starts from the network of an .srn file: finer at leisure, or the next time step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Sequence

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.config import CompressConfig
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.spec import ConstantSpec, NetworkSpec
from srn_core.volume import Volume

ASPECT_TOLERANCE = 0.02
"""How far the half extents of file and volume may differ; one volume at two resolutions differs by less."""


@dataclass(frozen=True)
class Start:
    """What a network is built from before its training."""

    spec: NetworkSpec
    """The file's spec, on the half extent of the new volume."""
    arrays: dict[str, np.ndarray]
    """The file's numbers, float32. Zeros among them are only values: what was pruned may grow again."""


def start_of(config: CompressConfig, volume: Volume) -> Optional[Start]:
    """What ``config.training.start`` names; None where it names nothing.

    Of several arrays in the file, the one with the volume's name is taken, else the first; of its time steps the
    nearest. Values carry over as shares of the value range. Raises SrnInputError for a file that cannot be read or
    does not suit, and says why.
    """
    path = config.training.start
    if path is None:
        return None
    try:
        fields = codec.read(path)
    except SrnFormatError as error:
        raise SrnInputError(f"training.start: {path}: {error}") from error
    return suited(_chosen(fields, volume), config, volume, path)


def suited(field: NeuralField, config: CompressConfig, volume: Volume, path: str) -> Start:
    """The start that a field gives a volume. Raises SrnInputError where it gives none; ``path`` is what it names."""
    spec = field.spec
    what = f"training.start: the field '{field.name}' in {path}"
    if isinstance(spec, ConstantSpec):
        raise SrnInputError(f"{what} is constant: it has no network that a training could start from")
    if spec.kind != config.network:
        raise SrnInputError(f"{what} has the network '{spec.kind}', not '{config.network}'; set network={spec.kind}")
    if spec.components != volume.components:
        raise SrnInputError(f"{what} has {spec.components} components, but the volume has {volume.components}")
    half = volume.geometry.half_extent
    # A flat axis has no latents and no weight to speak of, however short the other one is.
    alike = (abs(a - b) <= ASPECT_TOLERANCE and (a > 0) == (b > 0) for a, b in zip(spec.half_extent, half))
    if not all(alike):
        theirs, ours = (" x ".join(f"{h:.3g}" for h in extent) for extent in (spec.half_extent, half))
        raise SrnInputError(f"{what} has the proportions {theirs}, but the volume has {ours} (x, y, z)")
    return Start(replace(spec, half_extent=half), {name: a.values() for name, a in field.arrays.items()})


def open_gates(config: CompressConfig) -> CompressConfig:
    """The settings of a warm start: switches drawn at random would undo what was learnt, so they start open."""
    return replace(config, smallify=replace(config.smallify, initial="one"))


def _chosen(fields: Sequence[NeuralField], volume: Volume) -> NeuralField:
    named = [f for f in fields if f.name == volume.name] or list(fields)
    when = volume.time
    if when is None:
        return named[0]
    return min(named, key=lambda f: float("inf") if f.time is None else abs(f.time - when))

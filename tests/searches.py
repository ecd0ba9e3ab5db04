"""Searches made up on the spot, for tests that need results and no training."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from fields import waves

from srn_core.search import SearchRequest, SearchResult, Source
from srn_core.search.defaults import base_settings
from srn_core.search.journal import Journal
from srn_core.search.request import Record
from srn_core.search.space import space_of
from srn_core.search.trial import Trial

WIDE = {"target.ratio": "2:8"}
"""Ratios that a volume of 16 kB bears."""


def volume_file(folder: Path, size: int = 16) -> Path:
    """A small smooth volume on the disk."""
    path = folder / "waves.npy"
    np.save(path, waves(size, size, size))
    return path


def made_up(folder: Path, trials: int = 24, seed: int = 0, size: int = 16, **request: object) -> SearchResult:
    """A search whose ratio goes as lambda_beta^0.5, with noise in everything else; record and journal on the disk.

    PSNR falls by 8 dB with each ln(ratio), so that every trial is on the front.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = SearchRequest(generator="sobol", trials=trials, freed=WIDE, seed=seed, sizes="settings")
    asked = replace(asked, freed={}, **request)
    source = Source(str(volume_file(folder, size)))
    record = Record.of(asked, source, source.read())
    record.save(folder)
    space, chance, journal = space_of(record), random.Random(seed), Journal(folder)
    found = []
    for index in range(trials):
        parameters = space.at([chance.random() for _ in space.names])
        ratio = 200.0 * (parameters["smallify.lambda_beta"] / 1e-3) ** 0.5 + 1.0
        measured = {
            "ratio": ratio, "parameter_ratio": ratio, "psnr": 80.0 - 8.0 * math.log(ratio), "ssim": 0.9,
            "max_error": 0.1,
            "initial_parameters": int(size**3 * 2 / ratio**0.5) + 1, "initial_grid": [8, 8, 8],
        }  # fmt: skip
        settings = {**base_settings(asked), **space.settings(parameters)}
        found.append(Trial("search", index, parameters, settings, "done", "", measured, 1.0))
        journal.append(found[-1])
    return SearchResult(record, found)

"""What made a file, as the file tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from srn_core.config import CompressConfig, SeriesConfig


def provenance_of(config: CompressConfig) -> dict[str, Any]:
    """What made the file. Nothing that differs between two runs of the same job belongs here."""
    # Where a warm start or a predictor came from is a path on one machine; which steps are key frames, the file tells.
    training = replace(config.training, start=None)
    config = replace(config, training=training, predictor=CompressConfig.predictor, series=SeriesConfig())
    changed = _difference(config.to_dict(), CompressConfig().to_dict())
    return {"settings": changed} if changed else {}


def _difference(settings: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            inner = _difference(value, defaults[key])
            if inner:
                out[key] = inner
        elif value != defaults[key]:
            out[key] = value
    return out

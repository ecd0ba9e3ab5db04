"""Where predictors are: the shipped one, the user's own, and any other by its path."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Optional

from srn_core.errors import SrnInputError
from srn_core.prediction.predictor import Predictor

AUTO, SHIPPED, NONE = "auto", "shipped", "none"
VARIABLE = "SRN_PREDICTOR"
SHIPPED_FILE = Path(__file__).with_name("shipped.json")


def own_file() -> Path:
    """Where the user's own predictor is looked for, whether it is there or not."""
    home = os.environ.get("APPDATA") if sys.platform == "win32" else os.environ.get("XDG_CONFIG_HOME")
    return Path(home or Path.home() / ".config") / "paraview-srn" / "predictor.json"


def predictor_file(name: str) -> Optional[Path]:
    """The file that a setting ``predictor`` means; None for "none".

    "auto" is what the environment variable SRN_PREDICTOR says, else the user's own where there is one, else "shipped".
    """
    if name == AUTO:
        name = os.environ.get(VARIABLE) or (str(own_file()) if own_file().exists() else SHIPPED)
    if name == NONE:
        return None
    return SHIPPED_FILE if name in (SHIPPED, AUTO) else Path(name)


def predictor_of(name: str) -> Optional[Predictor]:
    """The predictor that a setting means. Raises SrnInputError or SrnFormatError where its file cannot be used."""
    path = predictor_file(name)
    if path is None:
        return None
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise SrnInputError(f"cannot read the predictor '{path}': {error.strerror or error}") from error
    return _loaded(path, changed)


@lru_cache(maxsize=4)
def _loaded(path: Path, changed: int) -> Predictor:
    return Predictor.load(path)

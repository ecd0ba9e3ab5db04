"""Blanked samples as VTK marks them, in an array named vtkGhostType."""

from __future__ import annotations

import numpy as np

NAME = "vtkGhostType"
HIDDEN = {"point": 2, "cell": 32}


def valid(ghost: np.ndarray, association: str) -> np.ndarray:
    """True where a sample is not hidden, in the shape of ``ghost``."""
    return (np.asarray(ghost).astype(np.int64) & HIDDEN[association]) == 0


def marks(valid_samples: np.ndarray, association: str) -> np.ndarray:
    """uint8 ghost array that hides the samples that are not valid."""
    return np.where(valid_samples, 0, HIDDEN[association]).astype(np.uint8)

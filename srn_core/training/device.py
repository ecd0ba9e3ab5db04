"""Which device trains."""

from __future__ import annotations

import torch

from srn_core.errors import SrnInputError


def choose_device(wanted: str) -> torch.device:
    """The torch device for "auto", "cpu" or "cuda"; auto takes CUDA where torch finds it."""
    if wanted == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if wanted == "cuda":
        raise SrnInputError(
            "device 'cuda' was asked for, but torch finds no CUDA device here "
            f"(torch {torch.__version__}); take device 'auto' or 'cpu', or install a CUDA build of torch"
        )
    return torch.device("cpu")

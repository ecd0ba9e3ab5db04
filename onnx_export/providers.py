"""Which of ONNX Runtime's execution providers a decoder runs on."""

from __future__ import annotations

from typing import Optional, Sequence, Union

from onnx_export.packages import import_onnxruntime
from srn_core.errors import SrnInputError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
ENDING = "ExecutionProvider"

ProviderChoice = Union[None, str, Sequence[str]]
"""None or "auto"; a name such as "cpu" or "cuda"; ONNX Runtime's own names; or several, the best first."""


def short_name(provider: str) -> str:
    """ "CUDAExecutionProvider" -> "cuda"."""
    return provider[: -len(ENDING)].lower() if provider.endswith(ENDING) else provider.lower()


def choose(choice: ProviderChoice, available: Optional[Sequence[str]] = None) -> tuple[list[str], bool]:
    """(providers, best first, the CPU last; whether the first was asked for by name).

    Raises SrnInputError where one that was asked for is not there, naming those that are.
    """
    there = list(import_onnxruntime().get_available_providers()) if available is None else list(available)
    if choice is None or choice == "auto":
        return ([CUDA] if CUDA in there else []) + [CPU], False
    wanted = [choice] if isinstance(choice, str) else list(choice)
    known = {short_name(p): p for p in there}
    found = []
    for name in wanted:
        if short_name(name) not in known:
            raise SrnInputError(
                f"ONNX Runtime has no provider '{name}' here; it has: {', '.join(known)}."
                + (" For 'cuda' install onnxruntime-gpu in place of onnxruntime." if short_name(name) == "cuda" else "")
            )
        found.append(known[short_name(name)])
    if not found:
        raise SrnInputError(f"no provider is named; ONNX Runtime has: {', '.join(known)}")
    return found + ([CPU] if CPU not in found else []), True

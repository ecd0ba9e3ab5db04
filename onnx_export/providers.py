"""Which of ONNX Runtime's execution providers a decoder runs on."""

from __future__ import annotations

from typing import Optional, Sequence, Union

from onnx_export.packages import import_onnxruntime
from srn_core.errors import SrnInputError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
ENDING = "ExecutionProvider"

PREFERRED = (
    CUDA,
    "TensorrtExecutionProvider",
    "DmlExecutionProvider",
    "CoreMLExecutionProvider",
    "OpenVINOExecutionProvider",
)
"""The order of "auto". CUDA comes before TensorRT, though the latter may run faster: TensorRT builds an engine for each
model and each range of sizes first, which takes minutes, and a decoder has new ones for every field."""

PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "dml": "onnxruntime-directml",
    "openvino": "onnxruntime-openvino",
}
"""What to install, in place of onnxruntime, for a provider."""

ProviderChoice = Union[None, str, Sequence[str]]
"""None or "auto"; "cpu", "cuda", "tensorrt", "dml", "coreml", "openvino"; ONNX Runtime's own names; or several, the
best first."""

_FULL_PRECISION = {
    CUDA: {"use_tf32": "0"},
    "CoreMLExecutionProvider": {"ModelFormat": "MLProgram"},
    "OpenVINOExecutionProvider": {"precision": "FP32"},
}
"""What keeps a provider from computing in fewer bits than float32 has."""


def options_of(provider: str) -> dict[str, str]:
    """ONNX Runtime's options for a provider, which older releases may not know."""
    return dict(_FULL_PRECISION.get(provider, {}))


def short_name(provider: str) -> str:
    """ "CUDAExecutionProvider" -> "cuda"."""
    return provider[: -len(ENDING)].lower() if provider.endswith(ENDING) else provider.lower()


def choose(choice: ProviderChoice, available: Optional[Sequence[str]] = None) -> tuple[list[str], bool]:
    """(providers, best first, the CPU last; whether the first was asked for by name).

    Raises SrnInputError where one that was asked for is not there, naming those that are.
    """
    there = list(import_onnxruntime().get_available_providers()) if available is None else list(available)
    if choice is None or choice == "auto":
        return [p for p in PREFERRED if p in there][:1] + [CPU], False
    wanted = [choice] if isinstance(choice, str) else list(choice)
    known = {short_name(p): p for p in there}
    found = []
    for name in wanted:
        short = short_name(name)
        if short not in known:
            package = f" For '{short}' install {PACKAGES[short]} in place of onnxruntime." if short in PACKAGES else ""
            raise SrnInputError(f"ONNX Runtime has no provider '{name}' here; it has: {', '.join(known)}.{package}")
        found.append(known[short])
    if not found:
        raise SrnInputError(f"no provider is named; ONNX Runtime has: {', '.join(known)}")
    return found + ([CPU] if CPU not in found else []), True

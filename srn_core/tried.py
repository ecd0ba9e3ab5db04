"""What network "auto" tried, in words."""

from __future__ import annotations

from typing import Any, Mapping, Optional


def tried_in_words(report: Mapping[str, Any]) -> Optional[str]:
    """A report's attempts as in "fvsrn 45.20 dB, neurcomp 41.07 dB", "left out" or "refused"; None without a choice."""
    found = report.get("tried")
    if not isinstance(found, Mapping):
        return None
    return ", ".join(f"{network} {_outcome(result)}" for network, result in found.items())


def _outcome(result: Mapping[str, Any]) -> str:
    if "psnr" in result:
        return f"{float(result['psnr']):.2f} dB"
    return "left out" if "left_out" in result else "refused"

"""What network "auto" tried, in words."""

from __future__ import annotations

from typing import Any, Mapping, Optional


def tried_in_words(report: Mapping[str, Any]) -> Optional[str]:
    """A report's attempts as in "fvsrn 45.20 dB, neurcomp 41.07 dB"; None where there was no choice."""
    found = report.get("tried")
    if not isinstance(found, Mapping):
        return None
    return ", ".join(
        f"{network} refused" if "refused" in result else f"{network} {float(result['psnr']):.2f} dB"
        for network, result in found.items()
    )

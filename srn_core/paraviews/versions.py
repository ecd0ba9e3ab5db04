"""Version numbers out of texts."""

from __future__ import annotations

from typing import Optional


def numbers(version: Optional[str]) -> tuple[int, ...]:
    """As far as there are numbers: (5, 11, 2) of "5.11.2-RC1"."""
    found = []
    for part in (version or "").split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        if not digits:
            break
        found.append(int(digits))
    return tuple(found)


def minor(version: Optional[str]) -> str:
    """As in "3.11" of "3.11.2"."""
    return ".".join(str(n) for n in numbers(version)[:2])

"""Gives ``inspect.getargspec`` back to ParaView 5.11 on Python 3.11 and later, which needs it to load a plugin.

Import this before ``LoadPlugin``; ParaView 5.12 and later do not need it and take no harm.
"""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple, Optional


class ArgSpec(NamedTuple):
    """What Python 3.10's ``inspect.getargspec`` returned."""

    args: list[str]
    varargs: Optional[str]
    keywords: Optional[str]
    defaults: Optional[tuple[Any, ...]]


def getargspec(function: Any) -> ArgSpec:
    """Names and defaults of a function's arguments."""
    full = inspect.getfullargspec(function)
    return ArgSpec(full.args, full.varargs, full.varkw, full.defaults)


if not hasattr(inspect, "getargspec"):
    inspect.getargspec = getargspec  # type: ignore[attr-defined]

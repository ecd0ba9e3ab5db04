"""Which of a file's arrays is meant."""

from __future__ import annotations

from typing import Optional, Sequence

from srn_core.errors import SrnInputError


def chosen(path: str, names: Sequence[str], array: Optional[str], preferred: Optional[str] = None) -> str:
    """``array``, or where none is asked for the ``preferred`` one or the only one.

    Raises SrnInputError, listing what is there, where the choice is impossible.
    """
    if not names:
        raise SrnInputError(f"'{path}' holds no array of numbers")
    if array is None:
        if preferred in names:
            return str(preferred)
        if len(names) > 1:
            raise SrnInputError(f"'{path}' holds several arrays; say which one is meant: {', '.join(names)}")
        return names[0]
    if array not in names:
        raise SrnInputError(f"'{path}' has no array '{array}'; it has: {', '.join(names)}")
    return array

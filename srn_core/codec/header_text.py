"""The header's JSON as bytes: compact, deflated against a fixed dictionary, and strictly read."""

from __future__ import annotations

import json
from typing import Any

from srn_core.codec.header_dictionary import DICTIONARY, FIRST_DICTIONARY
from srn_core.codec.packing import deflate, inflate
from srn_core.errors import SrnFormatError

BASE_LIMIT = 1 << 20
GROWTH_LIMIT = 64
LARGEST = 1 << 24
"""A header inflates to at most BASE_LIMIT bytes plus GROWTH_LIMIT times its deflated size, at most LARGEST."""

_LONGEST_NUMBER = 40


def encode(header: dict[str, Any], version: int = 2) -> bytes:
    """Deflated JSON of a format version; keys are sorted, so that equal headers give equal bytes."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return deflate(text.encode("utf-8"), FIRST_DICTIONARY if version == 1 else DICTIONARY)


def decode(data: bytes) -> dict[str, Any]:
    """The JSON object. Raises SrnFormatError for anything that :func:`encode` would not have made."""
    text = inflate(data, min(LARGEST, BASE_LIMIT + GROWTH_LIMIT * len(data)), DICTIONARY, exact=False)
    try:
        header = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except SrnFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise SrnFormatError(f"the file's header is no JSON ({type(error).__name__}); the file is damaged") from error
    if not isinstance(header, dict):
        raise SrnFormatError("the file's header is no JSON object; the file is damaged")
    return header


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise SrnFormatError("the file's header names an entry twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:  # reading millions of digits takes time that grows with their square
        raise SrnFormatError("the file's header holds a number of absurd length")
    return int(digits)


def _decimal(digits: str) -> float:
    if len(digits) > _LONGEST_NUMBER:
        raise SrnFormatError("the file's header holds a number of absurd length")
    return float(digits)


def _constant(name: str) -> float:
    raise SrnFormatError(f"the file's header holds {name}, which JSON does not know")

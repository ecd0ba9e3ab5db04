"""Kinds of header entries: each checks what it reads and knows how to write and describe itself.

A kind reads a JSON value into a Python one and writes it back. Reading trusts nothing and raises
SrnFormatError that names the entry.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Mapping

import numpy as np

from srn_core.errors import SrnError, SrnFormatError
from srn_core.spec import NetworkSpec, spec_from_dict, spec_to_dict

REQUIRED = object()
"""Default of an entry that has none: it is always written and must be there."""

NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
"""JSON has no such numbers: they are written as {"$number": "inf"}."""


class Kind(ABC):
    """The contract of a kind of header entry."""

    @abstractmethod
    def read(self, value: Any, where: str) -> Any:
        """The Python value. Raises SrnFormatError, naming ``where``, for anything that does not fit."""

    def write(self, value: Any) -> Any:
        """The JSON value."""
        return value

    @abstractmethod
    def describe(self) -> str:
        """What a document says of it."""


@dataclass(frozen=True)
class Text(Kind):
    """A string."""

    longest: int = 4096

    def read(self, value: Any, where: str) -> str:
        """The string, if it is one and not too long."""
        if not isinstance(value, str) or len(value) > self.longest:
            raise SrnFormatError(f"{where} must be a text of at most {self.longest} characters")
        return value

    def describe(self) -> str:
        """For documents."""
        return "text"


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few strings."""

    known: tuple[str, ...]

    def read(self, value: Any, where: str) -> str:
        """The string, if known."""
        if not isinstance(value, str) or value not in self.known:
            raise SrnFormatError(f"{where} must be one of {', '.join(self.known)}, not {value!r}"[:500])
        return value

    def describe(self) -> str:
        """For documents."""
        return "one of " + ", ".join(f'"{name}"' for name in self.known)


@dataclass(frozen=True)
class Flag(Kind):
    """true or false."""

    def read(self, value: Any, where: str) -> bool:
        """The truth value."""
        if not isinstance(value, bool):
            raise SrnFormatError(f"{where} must be true or false")
        return value

    def write(self, value: Any) -> bool:
        """As JSON knows it, also from NumPy's."""
        return bool(value)

    def describe(self) -> str:
        """For documents."""
        return "true or false"


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number within bounds."""

    low: int
    high: int

    def read(self, value: Any, where: str) -> int:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise SrnFormatError(f"{where} must be a whole number from {self.low} to {self.high}")
        return value

    def write(self, value: Any) -> int:
        """As JSON knows it, also from NumPy's."""
        return int(value)

    def describe(self) -> str:
        """For documents."""
        return f"whole number, {self.low} to {self.high}"


@dataclass(frozen=True)
class Number(Kind):
    """A float64, which JSON's shortest decimal gives back exactly."""

    finite: bool = True

    def read(self, value: Any, where: str) -> float:
        """The number."""
        if isinstance(value, dict) and not self.finite:
            return _not_finite(value, where)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1.8e308:
            raise SrnFormatError(f"{where} must be a {'finite ' if self.finite else ''}number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise SrnFormatError(f"{where} must be a finite number")
        return number

    def write(self, value: Any) -> Any:
        """A JSON number, or the wrapped name of one that JSON lacks."""
        return _plain_float(float(value))

    def describe(self) -> str:
        """For documents."""
        return "number" if self.finite else 'number, or {"$number": "inf" | "-inf" | "nan"}'


@dataclass(frozen=True)
class Float32(Kind):
    """A finite float32, written with the fewest digits that give it back."""

    def read(self, value: Any, where: str) -> float:
        """The number, exactly a float32."""
        number = Number().read(value, where)
        if abs(number) > float(np.finfo(np.float32).max):
            raise SrnFormatError(f"{where} must be a number that float32 holds")
        return float(np.float32(number))

    def write(self, value: Any) -> Any:
        """The shortest decimal that reads back as the same float32."""
        exact = np.float32(value)
        if not np.isfinite(exact):
            return _plain_float(float(exact))
        short = float(str(exact))
        return short if np.float32(short) == exact else float(exact)

    def describe(self) -> str:
        """For documents."""
        return "number, rounded to float32"


@dataclass(frozen=True)
class ListOf(Kind):
    """A list of one kind."""

    kind: Kind
    least: int
    most: int

    def read(self, value: Any, where: str) -> tuple[Any, ...]:
        """The entries as a tuple."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise SrnFormatError(f"{where} must be a list of {self.least} to {self.most} entries")
        return tuple(self.kind.read(item, f"{where}[{i}]") for i, item in enumerate(value))

    def write(self, value: Any) -> list[Any]:
        """A JSON list."""
        return [self.kind.write(item) for item in value]

    def describe(self) -> str:
        """For documents."""
        count = f"{self.least}" if self.least == self.most else f"{self.least} or more"
        return f"list of {count}: {self.kind.describe()}"


@dataclass(frozen=True)
class Element:
    """One entry of a record: its JSON key, its attribute, its kind, and what it means."""

    key: str
    kind: Kind
    meaning: str
    default: Any = REQUIRED
    """Left out of the file where the value equals it; tuples compare with lists' tuples."""
    attribute: str = ""

    @property
    def name(self) -> str:
        """The attribute it fills: the key, unless told otherwise."""
        return self.attribute or self.key


@dataclass(frozen=True)
class Record(Kind):
    """A JSON object that makes a dataclass; unknown keys are passed over, for files of later releases."""

    makes: type
    elements: tuple[Element, ...]
    title: str

    def read(self, value: Any, where: str) -> Any:
        """The dataclass."""
        if not isinstance(value, dict):
            raise SrnFormatError(f"{where} must be an object")
        found = {}
        for element in self.elements:
            if element.key in value:
                found[element.name] = element.kind.read(value[element.key], f"{where}.{element.key}")
            elif element.default is REQUIRED:
                raise SrnFormatError(f"{where} lacks '{element.key}'")
            else:
                found[element.name] = element.default
        try:
            return self.makes(**found)
        except SrnError as error:
            raise SrnFormatError(f"{where}: {error}") from error

    def write(self, value: Any) -> dict[str, Any]:
        """A JSON object without the entries that have their default."""
        out = {}
        for element in self.elements:
            item = getattr(value, element.name)
            if element.default is REQUIRED or item != element.default:
                out[element.key] = element.kind.write(item)
        return out

    def describe(self) -> str:
        """For documents."""
        return f"object, see {self.title}"


@dataclass(frozen=True)
class Row(Kind):
    """A JSON list that makes a dataclass: a record so frequent that its keys are left out."""

    makes: type
    elements: tuple[Element, ...]
    title: str

    def read(self, value: Any, where: str) -> Any:
        """The dataclass."""
        if not isinstance(value, list) or len(value) != len(self.elements):
            raise SrnFormatError(f"{where} must be a list of {len(self.elements)} entries")
        return self.makes(*(e.kind.read(item, f"{where}.{e.key}") for e, item in zip(self.elements, value)))

    def write(self, value: Any) -> list[Any]:
        """A JSON list."""
        return [element.kind.write(getattr(value, element.name)) for element in self.elements]

    def describe(self) -> str:
        """For documents."""
        return f"list, see {self.title}"


@dataclass(frozen=True)
class Spec(Kind):
    """A network spec."""

    def read(self, value: Any, where: str) -> NetworkSpec:
        """The spec, checked by the spec's own reader."""
        if not isinstance(value, dict):
            raise SrnFormatError(f"{where} must be an object")
        return spec_from_dict(value)

    def write(self, value: Any) -> dict[str, Any]:
        """As the spec describes itself. Raises SrnFormatError where reading it would."""
        out = spec_to_dict(value)
        spec_from_dict(out)
        return out

    def describe(self) -> str:
        """For documents."""
        return "object, see Network specs"


@dataclass(frozen=True)
class Free(Kind):
    """An object of any JSON, for the reader's information only."""

    def read(self, value: Any, where: str) -> dict[str, Any]:
        """The object, its wrapped numbers opened."""
        if not isinstance(value, dict):
            raise SrnFormatError(f"{where} must be an object")
        return {key: _opened(item, where) for key, item in value.items()}

    def write(self, value: Any) -> dict[str, Any]:
        """Plain JSON; NumPy scalars and tuples become numbers and lists."""
        out = _plain(value, "provenance")
        if not isinstance(out, dict):
            raise SrnFormatError("provenance must be a mapping")
        return out

    def describe(self) -> str:
        """For documents."""
        return "object of any JSON"


def _not_finite(value: Mapping[str, Any], where: str) -> float:
    name = value.get("$number") if len(value) == 1 else None
    if not isinstance(name, str) or name not in NOT_FINITE:
        raise SrnFormatError(f"{where} must be a number")
    return NOT_FINITE[name]


def _plain_float(value: float) -> Any:
    if math.isfinite(value):
        return value
    return {"$number": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SrnFormatError(f"{where} has a key that is no text")
        return {key: _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    raise SrnFormatError(f"{where} holds a {type(value).__name__}, which JSON cannot")


def _opened(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$number"}:
            return _not_finite(value, where)
        return {key: _opened(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_opened(item, where) for item in value]
    return value

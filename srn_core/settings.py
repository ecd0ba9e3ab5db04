"""Settings as frozen dataclasses: how texts and JSON become them, and the checks they share."""

from __future__ import annotations

import typing
from dataclasses import fields, is_dataclass, replace
from typing import Any, Mapping, Optional, Type, TypeVar, Union

from srn_core.errors import SrnInputError

T = TypeVar("T")


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type) -> dict[str, Any]:
    """The types of a class' settings; working them out takes a while, and a panel asks often."""
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls)
    return _HINTS[cls]


def names_of(cls: type, prefix: str = "") -> list[str]:
    """The dotted names of all settings of a class, in order."""
    names: list[str] = []
    for item in fields(cls):
        kind = _hints(cls)[item.name]
        if is_dataclass(kind):
            names += names_of(typing.cast(type, kind), f"{prefix}{item.name}.")
        else:
            names.append(prefix + item.name)
    return names


def with_setting(config: T, key: str, value: Any) -> T:
    """A copy with the setting of a dotted name changed; texts are parsed by its type."""
    return typing.cast(T, _set(config, key.split("."), value, key, names_of(type(config))))


def built(cls: Type[T], data: Any) -> T:
    """The settings a (nested) mapping describes; what it leaves out keeps its default."""
    return _build(cls, data, "", names_of(cls))


def _set(config: Any, path: list[str], value: Any, key: str, names: list[str]) -> Any:
    hints = _hints(type(config))
    if path[0] not in hints:
        raise SrnInputError(f"unknown setting '{key}'; known settings: {', '.join(names)}")
    kind = hints[path[0]]
    if len(path) > 1:
        if not is_dataclass(kind):
            raise SrnInputError(f"unknown setting '{key}'; known settings: {', '.join(names)}")
        return replace(config, **{path[0]: _set(getattr(config, path[0]), path[1:], value, key, names)})
    if is_dataclass(kind):
        return replace(config, **{path[0]: _build(typing.cast(type, kind), value, key + ".", names)})
    return replace(config, **{path[0]: _convert(kind, value, key)})


def _build(cls: Type[T], data: Any, prefix: str, names: list[str]) -> T:
    if not isinstance(data, Mapping):
        raise SrnInputError(f"settings {prefix or 'file'} must be an object of names and values")
    hints = _hints(cls)
    unknown = [k for k in data if k not in hints]
    if unknown:
        raise SrnInputError(f"unknown setting '{prefix}{unknown[0]}'; known settings: {', '.join(names)}")
    values = {
        k: _build(hints[k], v, f"{prefix}{k}.", names) if is_dataclass(hints[k]) else _convert(hints[k], v, prefix + k)
        for k, v in data.items()
    }
    return cls(**values)


def _convert(kind: Any, value: Any, key: str) -> Any:
    """``value`` as ``kind``, which is one of the types the settings above have; strings are parsed."""
    if typing.get_origin(kind) is Union:
        if value is None or (isinstance(value, str) and value.lower() in ("none", "auto", "")):
            return None
        kinds = [k for k in typing.get_args(kind) if k is not type(None)]
        for first in kinds[:-1]:
            try:
                return _convert(first, value, key)
            except SrnInputError:
                continue
        return _convert(kinds[-1], value, key)
    try:
        if typing.get_origin(kind) is tuple:
            parts = value.replace(",", " ").replace("x", " ").split() if isinstance(value, str) else list(value)
            return tuple(_convert(typing.get_args(kind)[0], p, key) for p in parts)
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]
        if kind is int:
            number = int(value) if isinstance(value, str) else value
            if isinstance(number, bool) or int(number) != number:
                raise ValueError
            return int(number)
        if kind is float:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
            if number != number or number in (float("inf"), float("-inf")):
                raise ValueError
            return number
        if kind is str and isinstance(value, str):
            return value
        raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        name = getattr(kind, "__name__", str(kind))
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"}
        meant = wanted.get(name, f"{'whole ' if int in typing.get_args(kind) else ''}numbers, with blanks between them")
        raise SrnInputError(f"setting '{key}' must be {meant}, not {value!r}") from None


def setting_of(config: Any, key: str) -> Any:
    """The value of a dotted key that is known."""
    for part in key.split("."):
        config = getattr(config, part)
    return config


def left_open(config: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of some values by dotted keys those whose keys the config leaves at None."""
    return {key: value for key, value in values.items() if setting_of(config, key) is None}


def plain(value: Any) -> Any:
    """Nested dicts with their tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return list(value) if isinstance(value, tuple) else value


def at_least(name: str, value: float, low: float) -> None:
    """Raise SrnInputError where a setting is smaller than it may be."""
    if value < low:
        raise SrnInputError(f"{name} must be at least {low}, not {value}")


def at_most(name: str, value: float, high: float) -> None:
    """Raise SrnInputError where a setting is larger than it may be."""
    if value > high:
        raise SrnInputError(f"{name} must be at most {high}, not {value}")


def optional_size(name: str, value: Optional[int], low: int, high: int) -> None:
    """Raise SrnInputError where a setting that is given is out of its bounds."""
    if value is not None:
        at_least(name, value, low)
        at_most(name, value, high)


def positive(name: str, value: float) -> None:
    """Raise SrnInputError where a setting is not above 0."""
    if not value > 0:
        raise SrnInputError(f"{name} must be more than 0, not {value}")


def not_negative(name: str, value: float) -> None:
    """Raise SrnInputError where a setting is below 0."""
    if value < 0:
        raise SrnInputError(f"{name} must not be negative, but is {value}")


def share(name: str, value: float) -> None:
    """Raise SrnInputError where a setting is not between 0 and 1."""
    if not 0 < value < 1:
        raise SrnInputError(f"{name} must lie between 0 and 1, not {value}")


def norm(name: str, value: int) -> None:
    """Raise SrnInputError where a setting is not the number of a norm that pruners know."""
    if value not in (1, 2):
        raise SrnInputError(f"{name} must be 1 or 2, not {value}")


def none_negative(section: str, config: Any, *names: str) -> None:
    """Raise SrnInputError where one of several settings that may be None is below 0."""
    for name in names:
        if getattr(config, name) is not None:
            not_negative(f"{section}.{name}", getattr(config, name))


def choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise SrnInputError where a setting is none of the known names."""
    if value not in known:
        raise SrnInputError(f"{name} must be one of {', '.join(known)}, not {value!r}")

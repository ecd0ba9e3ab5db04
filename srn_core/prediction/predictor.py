"""All that earlier runs tell of the next one, with the runs themselves: a small JSON, shipped or the user's own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple, Union

from srn_core.atomic import write_bytes
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.prediction.method_choice import NeurcompGain
from srn_core.prediction.rules import Rule, finite, finite_numbers
from srn_core.prediction.size_model import SizeModel

FORMAT, VERSION = "srn-predictor", 2


@dataclass(frozen=True)
class Predictor:
    """What is known, and from what."""

    sizes: Optional[SizeModel] = None
    """Of an fv-SRN by rate."""
    rules: Tuple[Rule, ...] = ()
    """Of trained networks, one for each network and pruner that was searched."""
    neurcomp: Optional[NeurcompGain] = None
    """Whether network auto should try a Neurcomp."""
    data: Tuple[Mapping[str, Any], ...] = ()
    """What all this was fitted to: for each volume or search its name, dims, crc32, statistics, release and results."""

    def rule(self, network: str, pruner: str) -> Optional[Rule]:
        """The rule for a network and a pruner, if there is one."""
        return next((rule for rule in self.rules if (rule.network, rule.pruner) == (network, pruner)), None)

    def save(self, path: Union[str, PathLike[str]]) -> None:
        """Write it, whole or not at all."""
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("utf-8"))

    @classmethod
    def load(cls, path: Union[str, PathLike[str]]) -> Predictor:
        """Raises SrnInputError where it cannot be read, SrnFormatError where it is none."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SrnInputError(f"cannot read '{path}': {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise SrnFormatError(f"'{path}' is no JSON: {error}") from error
        try:
            if content["format"] != FORMAT or content["version"] != VERSION:
                raise SrnFormatError(f"'{path}' is of a version that this release cannot read")
            return cls(
                _sizes(content["sizes"]),
                tuple(Rule.from_dict(rule) for rule in content["rules"]),
                NeurcompGain.from_dict(content["neurcomp"]) if content["neurcomp"] else None,
                tuple(dict(entry) for entry in content["data"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SrnFormatError):
                raise
            raise SrnFormatError(f"'{path}' is no predictor: {error!r}") from error


def _sizes(data: Optional[Mapping[str, Any]]) -> Optional[SizeModel]:
    if data is None:
        return None
    return SizeModel(finite_numbers(data["coefficients"]), finite(data["rms"]), int(data["points"]))

"""The errors a user can meet. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class SrnError(Exception):
    """Base of every error this product raises on purpose."""


class SrnInputError(SrnError, ValueError):
    """The data or the settings cannot be used as they are (command line: exit code 2)."""


class SrnFormatError(SrnError, ValueError):
    """A file is not an SRN file, is damaged, or is of a version this release cannot read."""


class SrnMissingPackageError(SrnError, ImportError):
    """A package this job needs is not installed; the message names it and how to get it."""

    def __init__(self, package: str, needed_for: str, extra: str = "") -> None:
        wanted = f"paraview-srn[{extra}]" if extra else package
        super().__init__(
            f"{needed_for} needs the Python package '{package}', which is not installed here. "
            f"Install it with: python -m pip install '{wanted}'"
        )
        self.package = package


class SrnStoppedError(SrnError):
    """The user stopped the job before anything worth keeping existed."""

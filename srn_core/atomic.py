"""Files appear whole or not at all: a temporary name in the same folder, then a rename."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from srn_core.errors import SrnInputError

PathLike = Union[str, "os.PathLike[str]"]

_FULL = (errno.ENOSPC, errno.EFBIG, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else []))
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """A temporary path beside ``path``, with its suffix, that becomes ``path`` when the block ends well.

    When the block raises, the temporary file goes and an existing file at ``path`` stays as it was.
    Raises SrnInputError for a folder given as a file, a missing folder, no permission or no space.
    """
    target = checked_target(path)
    temporary = target.with_name(f".{target.stem[:80]}.{secrets.token_hex(6)}{target.suffix}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise _explained(error, target) from error
    try:
        yield temporary
        _publish(temporary, target)
    except OSError as error:
        _remove(temporary)
        if error.errno in _FULL:
            raise _explained(error, target) from error
        raise
    except BaseException:  # Ctrl-C too must leave nothing behind
        _remove(temporary)
        raise


def write_bytes(path: PathLike, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all. Raises SrnInputError as :func:`atomic_path` does."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def _publish(temporary: Path, target: Path) -> None:
    """Give the finished file its name, once its bytes are on the disk."""
    try:
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _explained(error, target) from error
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be synced (Windows does not)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def checked_target(path: PathLike) -> Path:
    """The real target, links followed. Raises SrnInputError where no file can come to lie."""
    try:
        target = Path(os.path.realpath(os.fspath(path)))
        if target.is_dir():
            raise SrnInputError(f"cannot write '{path}': it is a folder; give the name of a file in it")
        if not target.parent.is_dir():
            raise SrnInputError(f"cannot write '{path}': the folder '{target.parent}' does not exist; make it first")
        if target.exists():
            if not target.is_file():
                raise SrnInputError(f"cannot write '{path}': it is not a regular file")
            if not os.access(target, os.W_OK):
                raise SrnInputError(f"cannot write '{path}': the file there is write-protected")
    except OSError as error:
        raise _explained(error, Path(path)) from error
    except ValueError as error:
        if isinstance(error, SrnInputError):
            raise
        raise SrnInputError(f"cannot write {os.fspath(path)!r}: that is no file name ({error})") from error
    return target


def _explained(error: OSError, target: Path) -> SrnInputError:
    """The same failure in the user's words."""
    if error.errno in _FULL:
        why = "there is no space left (disk full, quota or size limit reached); free some or choose another disk"
    elif error.errno in _FORBIDDEN:
        why = f"no permission to write in '{target.parent}'; choose another folder"
    else:
        why = error.strerror or str(error)
    return SrnInputError(f"cannot write '{target}': {why}. Nothing was changed.")


def _remove(temporary: Path) -> None:
    try:
        os.unlink(temporary)
    except OSError:
        pass

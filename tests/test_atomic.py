"""Files appear whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from srn_core.atomic import atomic_path, write_bytes
from srn_core.errors import SrnInputError

ROOT = Path(__file__).resolve().parents[1]


def test_writes_and_replaces(tmp_path):
    target = tmp_path / "a.srn"
    write_bytes(target, b"one")
    write_bytes(str(target), b"two")
    assert target.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.srn"]


def test_the_temporary_name_lies_beside_and_keeps_the_suffix(tmp_path):
    with atomic_path(tmp_path / "a.vti") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".vti"
        assert not (tmp_path / "a.vti").exists()
        temporary.write_bytes(b"x")
    assert (tmp_path / "a.vti").read_bytes() == b"x"


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    target = tmp_path / "a.srn"
    target.write_bytes(b"old")
    with pytest.raises(failure), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise failure("stop")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.srn"]


def test_an_old_file_keeps_its_permissions_and_a_link_its_target(tmp_path):
    real = tmp_path / "real.srn"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link = tmp_path / "link.srn"
    link.symlink_to(real)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_places_where_no_file_can_lie(tmp_path):
    with pytest.raises(SrnInputError, match="is a folder"):
        write_bytes(tmp_path, b"x")
    with pytest.raises(SrnInputError, match="does not exist"):
        write_bytes(tmp_path / "missing" / "a.srn", b"x")
    with pytest.raises(SrnInputError, match="not a regular file"):
        write_bytes("/dev/null" if os.name == "posix" else "NUL", b"x")
    with pytest.raises(SrnInputError, match="no file name"):
        write_bytes("a\0b", b"x")
    with pytest.raises(SrnInputError):
        write_bytes(tmp_path / ("n" * 300), b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
def test_no_permission():
    """In a process of its own, which gives up root's rights where it has them: they bind root to nothing."""
    script = (
        "import os, sys, tempfile\n"
        "from srn_core.atomic import write_bytes\n"
        "from srn_core.errors import SrnInputError\n"
        "if os.geteuid() == 0:\n"
        "    os.setgid(65534)\n"
        "    os.setuid(65534)\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    old = os.path.join(folder, 'a.srn')\n"
        "    open(old, 'wb').write(b'old')\n"
        "    os.chmod(old, 0o400)\n"
        "    os.chmod(folder, 0o700)\n"
        "    for name, mode in (('a.srn', 0o700), ('b.srn', 0o500)):\n"
        "        os.chmod(folder, mode)\n"
        "        try:\n"
        "            write_bytes(os.path.join(folder, name), b'new')\n"
        "        except SrnInputError as error:\n"
        "            print(error)\n"
        "    print(os.listdir(folder), open(old, 'rb').read())\n"
        "    os.chmod(folder, 0o700)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second, left = done.stdout.splitlines()
    assert "write-protected" in first
    assert "no permission" in second
    assert left == "['a.srn'] b'old'"


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_no_space_leaves_the_old_file(tmp_path):
    """A real limit of the system, set in a process of its own: writing fails half way through."""
    target = tmp_path / "a.srn"
    target.write_bytes(b"old")
    script = (
        "import resource, signal, sys\n"
        "from srn_core.atomic import write_bytes\n"
        "from srn_core.errors import SrnInputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    write_bytes(sys.argv[1], b'x' * 100000)\n"
        "except SrnInputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "no space left" in done.stdout
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.srn"]

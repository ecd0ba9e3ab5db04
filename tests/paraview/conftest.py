"""Real ParaView for the tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from in_paraview import Run, run_script
from moving_field import three_steps


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script in pvpython with the plugin loaded, in the test's own folder; see :func:`run_script`."""
    return partial(run_script, tmp_path)


@pytest.fixture
def steps(tmp_path: Path) -> list[str]:
    """Three .vti files, which ParaView takes for the times 0, 1, 2."""
    return three_steps(tmp_path)

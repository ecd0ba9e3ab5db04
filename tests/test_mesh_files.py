""".vtu and .vtp files on the command line: compressed, told about, evaluated, written back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mesh_fields import smooth, surface, tetrahedra

from srn_core.cli import main
from srn_core.errors import SrnInputError
from srn_core.io import array_names, read_source, read_volume, write_mesh
from srn_core.mesh import Mesh

pytest.importorskip("vtkmodules")


def saved(path: Path, *arrays: Any) -> Path:
    write_mesh(path, *arrays)
    return path


@pytest.mark.parametrize(
    ("name", "mesh"), [("a.vtu", tetrahedra()), ("a.vtp", surface()), ("a.vtu", Mesh(tetrahedra(3, "float64").points))]
)
def test_files_of_meshes_are_read_as_they_were_written(name: str, mesh: Mesh, tmp_path: Path) -> None:
    heat = smooth(mesh, time=2.5)
    hidden = np.arange(len(heat.values)) % 7 > 0
    flow = replace(heat, name="flow", values=np.stack([heat.values] * 3, axis=1), valid=hidden, blanked=True)
    saved(tmp_path / name, heat, flow)
    assert array_names(tmp_path / name) == ["heat", "flow"]
    for wanted in (heat, flow):
        found = read_source(tmp_path / name, wanted.name)
        assert found.mesh == mesh and found.values.tobytes() == wanted.values.tobytes() and found.time == 2.5
        assert found.blanked and np.array_equal(found.valid, hidden)
    with pytest.raises(SrnInputError, match="holds a mesh"):
        read_volume(tmp_path / name, "heat")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SrnInputError, match=r"must end in \.vtp"):
        write_mesh(tmp_path / "a.vtu", smooth(surface()))
    with pytest.raises(SrnInputError, match="different meshes"):
        write_mesh(tmp_path / "a.vtu", smooth(tetrahedra()), smooth(tetrahedra(4)))
    assert not list(tmp_path.iterdir())


def test_a_mesh_goes_through_all_commands(tmp_path: Path, capsys: Any) -> None:
    heat = smooth(tetrahedra(9))
    values = heat.values.copy()
    values[100] = np.nan
    original = saved(tmp_path / "wing.vtu", replace(heat, values=values))
    small, back, box = (str(tmp_path / name) for name in ("wing.srn", "back.vtu", "box.vti"))
    assert main(["compress", str(original), small, "--passes", "0", "--psnr", "30", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ssim"] is None and report["mesh_bytes"] > 0 and report["psnr"] >= 30
    assert main(["info", small]) == 0
    text = capsys.readouterr().out
    assert "unstructured grid of 729 points and 3,073 cells" in text and "1 without value" in text
    assert "mesh cells" in text and "SSIM" not in text and "(not kept)" not in text
    assert main(["evaluate", small, str(original), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["psnr"] == pytest.approx(report["psnr"], abs=1e-3)
    assert main(["decompress", small, back]) == 0
    found = read_source(back)
    assert found.mesh == heat.mesh and np.flatnonzero(np.isnan(found.values)).tolist() == [100]
    assert main(["decompress", small, box, "--dims", "5", "6", "7"]) == 0
    assert read_volume(box).geometry.dims == (5, 6, 7)
    capsys.readouterr()
    assert main(["decompress", small, back, "--scale", "2"]) == 2
    assert "--scale is of a grid" in capsys.readouterr().err
    assert main(["decompress", small, str(tmp_path / "back.vtp")]) == 2
    assert "must end in .vtu" in capsys.readouterr().err
    assert main(["export", small, str(tmp_path / "wing.onnx"), "--quiet"]) == 0


def test_a_mesh_that_is_dropped_leaves_an_image(tmp_path: Path, capsys: Any) -> None:
    original, small = saved(tmp_path / "sheet.vtp", smooth(surface())), str(tmp_path / "sheet.srn")
    assert main(["compress", str(original), small, "--passes", "0", "--bytes", "900", "--geometry", "drop"]) == 0
    assert Path(small).stat().st_size <= 900
    assert main(["evaluate", small, str(original), "--json"]) == 0
    capsys.readouterr()
    assert main(["decompress", small, str(tmp_path / "back.vtp")]) == 2
    assert "no mesh of array 'heat'" in capsys.readouterr().err

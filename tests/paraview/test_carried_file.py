"""Resampling, sampling, reading and writing in pvpython, from files made without any training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from example_fields import field_of, fvsrn, neurcomp
from in_paraview import Run

from srn_core import codec, load
from srn_core.codec import NeuralField
from srn_core.volume import Geometry

ROTATED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
GEOMETRY = Geometry((9, 7, 5), (10.0, 20.0, 30.0), (0.5, 0.25, 2.0), start=(-3, 4, 7))


def write(path: Path, *fields: NeuralField) -> Path:
    codec.write(path, fields)
    return path


@pytest.fixture
def pressure(tmp_path: Path) -> Path:
    return write(tmp_path / "pressure.srn", field_of(fvsrn(), geometry=GEOMETRY))


def test_reader_gives_every_array_on_its_geometry(run: Run, tmp_path: Path) -> None:
    rotated = replace(GEOMETRY, direction=ROTATED)
    cells = replace(rotated, dims=(8, 6, 4), association="cell")
    path = write(
        tmp_path / "many.srn",
        field_of(fvsrn(), geometry=rotated),
        field_of(neurcomp(components=3), geometry=rotated, name="velocity", dtype="float64"),
        field_of(neurcomp(), geometry=cells, name="kind", dtype="uint8", value_range=((0.0, 200.0),)),
    )
    facts = run(
        f"""
        reader = OpenDataFile({str(path)!r})
        reader.UpdatePipeline()
        out = servermanager.Fetch(reader)
        np.savez({str(tmp_path / "got.npz")!r}, pressure=array(out, "pressure"), velocity=array(out, "velocity"),
                 kind=array(out, "kind", "cell"))
        direction = out.GetDirectionMatrix()
        offered = list(reader.Arrays.Available)
        reader.Arrays = ["velocity"]
        reader.Scale = 2
        reader.UpdatePipeline()
        fine = servermanager.Fetch(reader)
        tell(kind=reader.GetXMLName(), extent=out.GetExtent(), origin=out.GetOrigin(), spacing=out.GetSpacing(),
             direction=[direction.GetElement(r, c) for r in range(3) for c in range(3)], offered=offered,
             fine=fine.GetDimensions(), bounds=out.GetBounds(), fine_bounds=fine.GetBounds(),
             arrays=fine.GetPointData().GetNumberOfArrays(),
             carried=fine.GetFieldData().GetArray("srn_bytes") is not None)
        """
    ).facts
    assert facts["kind"] == "SRNReader"
    assert facts["extent"] == [-3, 5, 4, 10, 7, 11]
    assert facts["origin"] == [10, 20, 30] and facts["spacing"] == [0.5, 0.25, 2]
    assert facts["direction"] == list(ROTATED)
    assert facts["offered"] == ["pressure", "velocity", "kind"]
    assert facts["fine"] == [18, 14, 10] and facts["arrays"] == 1 and facts["carried"]
    assert facts["fine_bounds"] == pytest.approx(facts["bounds"])
    wanted, got = load(path), np.load(tmp_path / "got.npz")
    np.testing.assert_array_equal(got["pressure"], wanted.decode().values.ravel())
    np.testing.assert_array_equal(got["velocity"], wanted.decode(array="velocity").values.reshape(-1, 3))
    np.testing.assert_array_equal(got["kind"], wanted.decode(array="kind").values.ravel())


def test_series_of_files_and_steps_within_a_file(run: Run, tmp_path: Path) -> None:
    spec = fvsrn()
    for step, time in enumerate((0.5, 1.5)):
        write(tmp_path / f"timed{step}.srn", field_of(spec, time=time, value_range=((0.0, 1.0 + step),)))
        write(tmp_path / f"plain{step}.srn", field_of(spec, value_range=((0.0, 1.0 + step),)))
    write(tmp_path / "both.srn", *(field_of(spec, time=t, value_range=((0.0, 1.0 + t),)) for t in (0.0, 4.0)))
    facts = run(
        f"""
        folder = {str(tmp_path)!r} + "/"
        def steps(*names):
            reader = OpenDataFile([folder + n for n in names] if len(names) > 1 else folder + names[0])
            reader.UpdatePipelineInformation()
            found = []
            for time in reader.TimestepValues if hasattr(reader.TimestepValues, "__len__") else [reader.TimestepValues]:
                reader.UpdatePipeline(time)
                found.append((time, float(array(servermanager.Fetch(reader), "pressure")[0])))
            return found
        def by_resampling(name):
            made = NeuralResampleFile(FileName=folder + name)
            found = []
            for time in made.TimestepValues:
                made.UpdatePipeline(time)
                found.append((time, float(array(servermanager.Fetch(made), "pressure")[0])))
            return found
        tell(timed=steps("timed0.srn", "timed1.srn"), plain=steps("plain0.srn", "plain1.srn"), both=steps("both.srn"),
             resampled=by_resampling("both.srn"))
        """
    ).facts
    assert [t for t, _ in facts["timed"]] == [0.5, 1.5]
    assert [t for t, _ in facts["plain"]] == [0.0, 1.0]
    assert [t for t, _ in facts["both"]] == [0.0, 4.0] and facts["resampled"] == facts["both"]
    for kind in ("timed", "plain", "both"):
        values = [v for _, v in facts[kind]]
        assert values[0] != values[1], kind


def test_resample_decodes_what_is_asked_for_and_no_more(run: Run, tmp_path: Path, pressure: Path) -> None:
    facts = run(
        f"""
        decoded = []
        from srn_core.neural_file import NeuralFile
        plain = NeuralFile.decode
        def watched(self, *args, **named):
            volume = plain(self, *args, **named)
            decoded.append(volume.geometry.samples)
            return volume
        NeuralFile.decode = watched

        reader = OpenDataFile({str(pressure)!r})
        made = NeuralResample(Input=reader, Sampling="Dims", Dims=[17, 0, 9])
        made.UpdatePipeline()
        whole = servermanager.Fetch(made)
        np.save({str(tmp_path / "whole.npy")!r}, array(whole, "pressure"))
        del decoded[:]
        again = NeuralResample(Input=reader, Sampling="Dims", Dims=[17, 0, 9])
        part = ExtractSubset(Input=again, VOI=[3, 6, 2, 4, 5, 5])
        part.UpdatePipeline()
        cut = servermanager.Fetch(part)
        np.save({str(tmp_path / "cut.npy")!r}, array(cut, "pressure"))
        asked = list(decoded)
        same = NeuralResample(Input=reader)
        same.UpdatePipeline()
        source = NeuralResampleFile(FileName={str(pressure)!r}, Sampling="Spacing", Spacing=[0.25, 0, 3])
        source.UpdatePipeline()
        region = NeuralResampleFile(FileName={str(pressure)!r}, Scale=2, WholeVolume=0, Region=[0, 3, 5, 6, 7, 7])
        region.UpdatePipeline()
        def about(s):
            d = servermanager.Fetch(s)
            return dict(dims=d.GetDimensions(), bounds=d.GetBounds(), extent=d.GetExtent())
        tell(whole=about(made), cut=about(part), asked=asked, same=about(same), source=about(source),
             region=about(region), original=about(reader))
        """
    ).facts
    assert facts["whole"]["dims"] == [17, 7, 9]
    assert facts["whole"]["bounds"] == pytest.approx(facts["original"]["bounds"])
    assert facts["asked"][-1] == 4 * 3 * 1, "ExtractSubset asks for its part, and only that is decoded"
    whole = np.load(tmp_path / "whole.npy").reshape(9, 7, 17)
    np.testing.assert_allclose(np.load(tmp_path / "cut.npy").reshape(1, 3, 4), whole[5:6, 2:5, 3:7], rtol=1e-5)
    assert facts["same"] == facts["original"]
    assert facts["source"]["dims"] == [17, 7, 4]
    assert facts["region"]["dims"] == [8, 4, 1]
    assert facts["region"]["bounds"] == pytest.approx([10, 11.5, 21.25, 21.5, 44, 44])


def test_sample_at_the_points_of_any_data_set(run: Run, tmp_path: Path, pressure: Path) -> None:
    run(
        f"""
        reader = OpenDataFile({str(pressure)!r})
        line = Line(Point1=[9, 21.1, 47], Point2=[13, 22.2, 51], Resolution=20)
        box = Box(Center=[10.5, 21.7, 47], XLength=1, YLength=0.5, ZLength=4)
        mesh = Tetrahedralize(Input=reader)
        slice_ = Slice(Input=reader)
        slice_.SliceType.Origin = [10.3, 21.7, 48.3]
        slice_.SliceType.Normal = [1, 1, 0.2]
        kept = dict()
        for name, points in dict(line=line, box=box, mesh=mesh, slice=slice_, image=reader).items():
            sampled = NeuralSample(NeuralFile=reader, Points=points)
            sampled.UpdatePipeline()
            out = servermanager.Fetch(sampled)
            kept[name] = np.array([out.GetPoint(i) for i in range(out.GetNumberOfPoints())])
            kept[name + "_values"] = array(out, "pressure")
            kept[name + "_valid"] = array(out, "vtkValidPointMask")
            kept[name + "_type"] = out.GetClassName()
        clamped = NeuralSample(NeuralFile=reader, Points=line, Outside="Clamp")
        clamped.UpdatePipeline()
        kept["clamped"] = array(servermanager.Fetch(clamped), "pressure")
        np.savez({str(tmp_path / "got.npz")!r}, **kept)
        """
    )
    got, file = np.load(tmp_path / "got.npz"), load(pressure)
    for name, kind in {"line": "vtkPolyData", "mesh": "vtkUnstructuredGrid", "image": "vtkImageData"}.items():
        assert str(got[f"{name}_type"]) == kind
    for name in ("line", "box", "mesh", "slice", "image"):
        wanted = file.sample(got[name])
        np.testing.assert_allclose(got[f"{name}_values"], wanted, rtol=1e-4, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(got[f"{name}_valid"] == 1, np.isfinite(wanted), err_msg=name)
    assert 0 < got["line_valid"].sum() < len(got["line"])
    assert np.isfinite(got["clamped"]).all()


def test_writers_write_the_carried_bytes(run: Run, tmp_path: Path, pressure: Path) -> None:
    run(
        f"""
        folder = {str(tmp_path)!r} + "/"
        reader = OpenDataFile({str(pressure)!r})
        fine = NeuralResample(Input=reader, Scale=2)
        SaveData(folder + "again.srn", proxy=fine)
        SaveData(folder + "again.onnx", proxy=fine)
        SaveData(folder + "stock.vti", proxy=fine)
        stock = OpenDataFile(folder + "stock.vti")
        SaveData(folder + "from_stock.srn", proxy=stock)
        """
    )
    assert (tmp_path / "again.srn").read_bytes() == pressure.read_bytes()
    assert (tmp_path / "from_stock.srn").read_bytes() == pressure.read_bytes()
    onnx.checker.check_model(str(tmp_path / "again.onnx"))


def test_errors_of_files_are_one_line(run: Run, tmp_path: Path, pressure: Path) -> None:
    whole = pressure.read_bytes()
    (tmp_path / "cut.srn").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.srn").write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    (tmp_path / "kept.srn").write_bytes(b"kept")
    result = run(
        f"""
        folder = {str(tmp_path)!r} + "/"
        points = []
        for name in ("cut.srn", "flipped.srn"):
            reader = SRNReader(FileNames=[folder + name])
            reader.UpdatePipeline()
            points.append(servermanager.Fetch(reader).GetNumberOfPoints())
        missing = NeuralResampleFile(FileName=folder + "missing.srn")
        missing.UpdatePipeline()
        directory = NeuralResampleFile(FileName=folder)
        directory.UpdatePipeline()
        outside = NeuralResampleFile(FileName={str(pressure)!r}, WholeVolume=0, Region=[0, 100, 4, 5, 7, 8])
        outside.UpdatePipeline()
        wavelet = Wavelet(WholeExtent=[0, 3, 0, 3, 0, 3])
        NeuralResample(Input=wavelet).UpdatePipeline()
        NeuralSample(NeuralFile=wavelet, Points=wavelet).UpdatePipeline()
        SaveData(folder + "kept.srn", proxy=wavelet)
        SaveData(folder + "none.onnx", proxy=wavelet)
        reader = OpenDataFile({str(pressure)!r})
        SaveData(folder + "no/such/folder/a.srn", proxy=reader)
        tell(points=points)
        """,
        errors=True,
    )
    assert result.facts["points"] == [0, 0]
    said = [line for line in result.text.splitlines() if line.startswith("ERROR: ")]
    for wanted in ("cut", "damaged", "missing.srn", "folder", "x = 0..100", "Apply Neural Compress first"):
        assert any(wanted in line for line in said), (wanted, result.text)
    assert sum("Apply Neural Compress first" in line for line in said) == 4
    assert "Traceback" not in result.text
    assert (tmp_path / "kept.srn").read_bytes() == b"kept"
    assert not (tmp_path / "none.onnx").exists()

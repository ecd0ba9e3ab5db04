"""What all decoding filters share: gradients, levels of detail, a part of the volume, provider and threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from example_fields import field_of, fvsrn, neurcomp
from in_paraview import Run

from srn_core import codec, load
from srn_core.volume import Geometry

ROTATED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
GEOMETRY = Geometry((9, 7, 5), (10.0, 20.0, 30.0), (0.5, 0.25, 2.0), ROTATED, (-3, 4, 7))
CELLS = Geometry((8, 6, 4), (10.0, 20.0, 30.0), (0.5, 0.25, 2.0), ROTATED, (-3, 4, 7), "cell")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of a scalar and a vector at points, and a scalar of cells."""
    codec.write(
        tmp_path / "fields.srn",
        [
            field_of(fvsrn(), geometry=GEOMETRY),
            field_of(neurcomp(components=3), geometry=GEOMETRY, name="velocity", dtype="float64"),
            field_of(neurcomp(), geometry=CELLS, name="kind", dtype="uint8", value_range=((0.0, 200.0),)),
        ],
    )
    return tmp_path / "fields.srn"


def test_gradients_of_reader_and_resampling(run: Run, tmp_path: Path, path: Path) -> None:
    run(
        f"""
        kept = dict()
        def keep(name, source):
            source.UpdatePipeline()
            out = servermanager.Fetch(source)
            assert out.GetPointData().GetScalars().GetName() == "pressure"
            kept.update({{f"{{name}} pressure": array(out, "pressure gradient"),
                         f"{{name}} velocity": array(out, "velocity gradient"),
                         f"{{name}} kind": array(out, "kind gradient", "cell")}})
        reader = SRNReader(FileNames=[{str(path)!r}], Gradient=1)
        keep("reader", reader)
        keep("filter", NeuralResample(Input=reader, Scale=2, Gradient=1))
        keep("file", NeuralResampleFile(FileName={str(path)!r}, Scale=2, Gradient=1))
        part = ExtractSubset(Input=NeuralResample(Input=reader, Scale=2, Gradient=1), VOI=[0, 4, 1, 2, 0, 1])
        keep("part", part)
        reader.Gradient = 0
        reader.UpdatePipeline()
        assert servermanager.Fetch(reader).GetPointData().GetNumberOfArrays() == 2
        np.savez({str(tmp_path / "got.npz")!r}, **kept)
        """
    )
    got, file = np.load(tmp_path / "got.npz"), load(path)
    for name, components in (("pressure", 1), ("velocity", 3), ("kind", 1)):
        wanted = file.decode_with_gradient(array=name)[1]
        assert wanted.values.shape[-1] == 3 * components and np.ptp(wanted.values) > 0
        flat = wanted.values.reshape(-1, 3 * components)
        np.testing.assert_allclose(got[f"reader {name}"], flat, rtol=1e-4, atol=1e-4 * np.abs(flat).max())
        assert got[f"reader {name}"].dtype == (np.float64 if name == "velocity" else np.float32)
        np.testing.assert_array_equal(got[f"file {name}"], got[f"filter {name}"])
    # 18 x 14 x 10 points, of which x 0..4, y 1..2, z 0..1 are asked for.
    whole = got["file pressure"].reshape(10, 14, 18, 3)
    np.testing.assert_allclose(
        got["part pressure"].reshape(2, 2, 5, 3), whole[:2, 1:3, :5], rtol=1e-4, atol=1e-4 * np.abs(whole).max()
    )


def test_levels_of_detail_announce_and_give_fewer_samples(run: Run, tmp_path: Path, path: Path) -> None:
    facts = run(
        f"""
        levels = []
        from srn_core.neural_file import NeuralFile
        plain = NeuralFile.decode
        def watched(self, *args, **named):
            levels.append(named.get("level", 0))
            return plain(self, *args, **named)
        NeuralFile.decode = watched

        def about(source):
            source.UpdatePipelineInformation()
            announced = list(source.GetClientSideObject().GetOutputInformation(0).Get(
                source.GetClientSideObject().GetExecutive().WHOLE_EXTENT()))
            source.UpdatePipeline()
            out = servermanager.Fetch(source)
            assert announced == list(out.GetExtent()), (announced, out.GetExtent())
            return dict(dims=out.GetDimensions(), bounds=out.GetBounds(), level=levels[-1])
        reader = SRNReader(FileNames=[{str(path)!r}])
        found = [about(reader)]
        for level in (1, 2, 6):
            reader.LevelOfDetail = level
            found.append(about(reader))
        fine = about(NeuralResample(Input=reader, Scale=4, LevelOfDetail=1))
        file = NeuralResampleFile(FileName={str(path)!r}, Sampling="Dims", Dims=[17, 3, 1], LevelOfDetail=2)
        from srn_filters import decoded_grid
        decoded_grid.FEW_SAMPLES = decoded_grid.COARSE_SAMPLES = 100
        many = about(NeuralResample(Input=reader, CoarseFirst=1))  # there is no window here: one pass
        tell(found=found, fine=fine, file=about(file), many=many)
        """
    ).facts
    found = facts["found"]
    assert [f["dims"] for f in found] == [[9, 7, 5], [5, 4, 3], [3, 2, 2], [2, 2, 2]]
    assert [f["level"] for f in found] == [0, 1, 2, 6]
    assert all(f["bounds"] == pytest.approx(found[0]["bounds"]) for f in found)
    assert facts["fine"]["dims"] == [18, 14, 10] and facts["fine"]["level"] == 1
    assert facts["file"]["dims"] == [5, 2, 1]
    assert facts["many"]["dims"] == [9, 7, 5] and facts["many"]["level"] == 0


def test_an_absurd_level_is_one_line(run: Run, path: Path) -> None:
    result = run(
        f"""
        for level in (-1, 7):
            made = NeuralResampleFile(FileName={str(path)!r}, LevelOfDetail=level)
            made.UpdatePipeline()
        """,
        errors=True,
    )
    said = [line for line in result.text.splitlines() if line.startswith("ERROR: ")]
    assert len(said) == 2 and all("Level Of Detail must be from 0 (all of it) to 6" in line for line in said)


def test_only_what_is_asked_for_is_decoded(run: Run, path: Path) -> None:
    """ExtractSubset and Region decode their part, Neural Sample the points of a plane and no grid."""
    facts = run(
        f"""
        decoded, at_points = [], []
        from onnx_export.decoder import Decoder
        on_grid, at = Decoder.grid, Decoder.points
        def watched_grid(self, ux, uy, uz, *args, **named):
            decoded.append(len(ux) * len(uy) * len(uz))
            return on_grid(self, ux, uy, uz, *args, **named)
        def watched_points(self, u, *args, **named):
            at_points.append(len(u))
            return at(self, u, *args, **named)
        Decoder.grid, Decoder.points = watched_grid, watched_points

        def spent(source):
            del decoded[:], at_points[:]
            source.UpdatePipeline()
            return [sum(decoded), sum(at_points)]
        reader = SRNReader(FileNames=[{str(path)!r}], Arrays=["pressure"])
        subset = spent(ExtractSubset(Input=reader, VOI=[-2, 0, 5, 8, 9, 9]))
        region = spent(SRNReader(FileNames=[{str(path)!r}], LevelOfDetail=6))
        tell(subset=subset, coarse=region)
        named = dict(FileName={str(path)!r})
        region = NeuralResampleFile(WholeVolume=0, Region=[-2, 0, 5, 8, 9, 9], **named)
        tell(region=spent(region))
        fine = NeuralResampleFile(Scale=8, **named)
        tell(fine_subset=spent(ExtractSubset(Input=fine, VOI=[10, 19, 20, 21, 8, 8])))
        plane = Plane(Origin=[8, 20, 46], Point1=[9, 20, 46], Point2=[8, 23, 46], XResolution=9, YResolution=4)
        coarse = SRNReader(FileNames=[{str(path)!r}], LevelOfDetail=6)
        coarse.UpdatePipeline()
        tell(slice=spent(NeuralSample(NeuralFile=coarse, Points=plane)))
        """
    ).facts
    assert facts["subset"] == [3 * 4 * 1, 0]
    assert facts["coarse"] == [2 * 2 * 2 * 2 + 1, 0], "two arrays of eight points, one of a cell"
    assert facts["region"] == [2 * 12 + 2 * 3 * 1, 0], "and the cells from -2 to -1, 5 to 7"
    assert facts["fine_subset"] == [2 * 10 * 2 * 1 + 9, 0]
    assert facts["slice"] == [0, 3 * 50]


def test_provider_and_threads_reach_the_decoder(run: Run, path: Path) -> None:
    result = run(
        f"""
        import srn_core
        asked, plain = [], srn_core.load
        def watched(source, providers=None, threads=None):
            asked.append([providers, threads])
            return plain(source, providers=providers, threads=threads)
        srn_core.load = watched
        chosen = dict(Provider="cpu", Threads=2)
        reader = SRNReader(FileNames=[{str(path)!r}])
        line = Line(Point1=[10, 20, 30], Point2=[9, 21, 40])
        used = []
        for source in (reader, NeuralResample(Input=reader), NeuralResampleFile(FileName={str(path)!r}),
                       NeuralSample(NeuralFile=reader, Points=line)):
            source.UpdatePipeline()
            del asked[:]
            source.Provider, source.Threads = "cpu", 2
            source.UpdatePipeline()
            used.append(asked[-1])
        tell(used=used)
        del asked[:]
        made = NeuralCompress(Input=Wavelet(WholeExtent=[0, 7, 0, 7, 0, 7]), TargetRatio=2, TrainingPasses=0, **chosen)
        made.UpdatePipeline()
        plainly, trainings = srn_core.compress, []
        srn_core.compress = lambda *given, **more: trainings.append(given) or plainly(*given, **more)
        made.Threads = 1
        made.UpdatePipeline()
        tell(compress=asked, again=len(trainings))
        NeuralResampleFile(FileName={str(path)!r}, Provider="openvino").UpdatePipeline()
        """,
        errors=True,
    )
    facts = result.facts
    assert facts["used"] == [["cpu", 2]] * 4
    assert ["cpu", 2] in facts["compress"] and facts["compress"][-1] == ["cpu", 1]
    assert not facts["again"], "decoding anew trains nothing anew"
    said = [line for line in result.text.splitlines() if line.startswith("ERROR: ")]
    assert len(said) == 1 and "no provider 'openvino' here" in said[0] and "cpu" in said[0]


def test_blocks_and_time_steps_are_sampled(run: Run, tmp_path: Path) -> None:
    """Of blocks each keeps its type and name; the file's time steps stand beside those of the points."""
    fields = [field_of(fvsrn(), geometry=GEOMETRY, time=t, value_range=((0.0, 1.0 + t),)) for t in (0.0, 4.0)]
    codec.write(tmp_path / "timed.srn", fields)
    facts = run(
        f"""
        reader = SRNReader(FileNames=[{str(tmp_path / "timed.srn")!r}], LevelOfDetail=6)
        line = Line(Point1=[9.5, 20, 40], Point2=[8, 19, 56], Resolution=9)
        wavelet = Wavelet(WholeExtent=[8, 9, 18, 20, 44, 46])
        blocks = GroupDatasets(Input=[line, wavelet], BlockNames=["the line", "the box"])
        moving = TemporalShiftScale(Input=reader, PostShift=1.5)
        for points in (blocks, reader, moving):
            points.UpdatePipeline()
        made = NeuralSample(NeuralFile=reader, Points=blocks)
        found = []
        def steps(source):
            source.UpdatePipelineInformation()
            info = source.GetClientSideObject().GetOutputInformation(0)
            return list(info.Get(source.GetClientSideObject().GetExecutive().TIME_STEPS()))
        for time in steps(made):
            made.UpdatePipeline(time)
            out = servermanager.Fetch(made)
            each = [out.GetBlock(i) for i in (0, 1)]
            found.append([float(np.nanmax(array(block, "pressure"))) for block in each])
        kinds = [[block.GetClassName(), out.GetMetaData(i).Get(out.NAME())] for i, block in enumerate(each)]
        tell(found=found, kinds=kinds, steps=steps(made), both=steps(NeuralSample(NeuralFile=reader, Points=moving)))
        """
    ).facts
    assert facts["kinds"] == [["vtkPolyData", "the line"], ["vtkImageData", "the box"]]
    assert facts["steps"] == [0.0, 4.0] and facts["both"] == [0.0, 1.5, 4.0, 5.5]
    first, last = facts["found"]
    assert all(abs(a - b) > 1e-3 for a, b in zip(first, last))

"""Neural Compress on several ranks: each compresses its piece, one file comes out, no seam shows, no rank hangs."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from brick_fields import jump
from in_paraview import LOAD, PREAMBLE, START, WAIT, Result, environment, executable

import srn_core

SOURCE = '''
from vtkmodules.vtkParallelCore import vtkMultiProcessController
pick = array  # programmable sources put the names of NumPy (array, source) into this namespace
controller = vtkMultiProcessController.GetGlobalController()
rank, ranks = controller.GetLocalProcessId(), controller.GetNumberOfProcesses()

def leave(facts):
    # In a file of its own: what ranks print may come mixed.
    with open(f"rank{rank}.json", "w") as file:
        json.dump(facts, file)

def field(x, y, z):
    noise = np.sin(12.9898 * x + 78.233 * y + 37.719 * z) * 43758.5453
    return np.sin(x / 7) * np.cos(y / 5) + 0.3 * np.sin(z / 3 + x / 4) + 0.1 * (noise - np.floor(noise))

def waves_in(dims, bad=None):
    # A source of any extent that is asked for, which tells what it was asked for; `bad`: this rank fails.
    made = ProgrammableSource()
    made.OutputDataSetType = "vtkImageData"
    whole = [end for n in dims for end in (0, n - 1)]
    made.ScriptRequestInformation = f"""
info = self.GetOutputInformation(0)
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as P, vtkAlgorithm
info.Set(P.WHOLE_EXTENT(), {whole}, 6)
info.Set(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(), 1)
"""
    made.Script = f"""
import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as P
from vtkmodules.vtkParallelCore import vtkMultiProcessController
extent = self.GetOutputInformation(0).Get(P.UPDATE_EXTENT())
image = self.GetImageDataOutput()
image.SetExtent(*extent)
image.SetSpacing(0.5, 0.25, 2.0)
x, y, z = (np.arange(a, b + 1, dtype=float) for a, b in zip(extent[::2], extent[1::2]))
noise = np.sin(12.9898 * x + 78.233 * y[:, None] + 37.719 * z[:, None, None]) * 43758.5453
v = np.sin(x / 7) * np.cos(y[:, None] / 5) + 0.3 * np.sin(z[:, None, None] / 3 + x / 4)
v += 0.1 * (noise - np.floor(noise))
if vtkMultiProcessController.GetGlobalController().GetLocalProcessId() == {bad!r}:
    v[:] = np.inf
packed = numpy_to_vtk(v.astype(np.float32).ravel(), deep=True)
packed.SetName("waves")
image.GetPointData().AddArray(packed)
import builtins
builtins.asked = getattr(builtins, "asked", []) + [extent]
"""
    return made

def values(dims):
    x, y, z = (np.arange(n, dtype=float) for n in dims)
    return field(x, y[:, None], z[:, None, None]).astype(np.float32)
'''


def on_ranks(folder: Path, script: str, ranks: int) -> Result:
    """Run a script on every rank alike."""
    path = folder / "script.py"
    path.write_text(PREAMBLE + LOAD + script, encoding="utf-8")
    command = ["mpirun", "--oversubscribe", "-n", str(ranks), executable("pvbatch"), "--symmetric", str(path)]
    result = Result(
        subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=WAIT)
    )
    assert result.code == 0, result.text
    for told in folder.glob("rank*.json"):
        result.facts[told.stem] = json.loads(told.read_text(encoding="utf-8"))
    return result


def test_ranks_compress_their_pieces_into_one_file(tmp_path):
    result = on_ranks(
        tmp_path,
        SOURCE
        + """
import builtins
dims = (50, 40, 36)
compressed = NeuralCompress(Input=waves_in(dims), Target="bytes", TargetBytes=30000, TrainingPasses=0)
compressed.UpdatePipeline()
local = compressed.GetClientSideObject().GetOutputDataObject(0)
extent = local.GetExtent()
piece = pick(local, "waves").reshape([b - a + 1 for a, b in zip(extent[4::-2], extent[5::-2])])
np.save(f"piece{rank}.npy", piece)
SaveData("whole.srn", proxy=compressed)
resampled = NeuralResample(Input=compressed)
resampled.UpdatePipeline()
again = resampled.GetClientSideObject().GetOutputDataObject(0).GetExtent()
report = compressed.GetClientSideObject().GetReport()
tell(**{f"rank{rank}": dict(asked=builtins.asked, extent=extent, report=report, again=again)})
controller.Barrier()  # the first rank writes
reader = SRNReader(FileNames=["whole.srn"])
reader.UpdatePipeline()
tell(**{f"read{rank}": reader.GetClientSideObject().GetOutputDataObject(0).GetExtent()})
if rank == 0:
    np.save("original.npy", values(dims))
""",
        2,
    )
    assert not result.errors, result.text
    first, second = (result.facts[f"rank{rank}"] for rank in range(2))
    assert first["report"].splitlines()[:3] == second["report"].splitlines()[:3]
    assert "Bricks: 2" in first["report"]
    asked = [one["asked"] for one in (first, second)]
    assert asked == [[[0, 28, 0, 39, 0, 35]], [[20, 49, 0, 39, 0, 35]]]  # once each, with a halo of 4 samples
    assert first["extent"] != second["extent"]
    file, original = srn_core.load(str(tmp_path / "whole.srn")), np.load(tmp_path / "original.npy")
    assert 0.97 * 30000 <= file.nbytes <= 30000
    decoded = file.decode().values
    assert srn_core.evaluate(file, original).psnr == pytest.approx(file.fields[0].quality.psnr, rel=1e-5)
    across, inside = jump(decoded - original, ([24], [], []))
    assert across < 1.3 * inside
    for rank, told in enumerate((first, second)):
        x0, x1, y0, y1, z0, z1 = told["extent"]
        np.testing.assert_array_equal(
            np.load(tmp_path / f"piece{rank}.npy"), decoded[z0 : z1 + 1, y0 : y1 + 1, x0 : x1 + 1]
        )
        assert told["again"] == told["extent"] == result.facts[f"read{rank}"]


def test_pieces_of_unequal_size_an_empty_one_and_a_rank_that_fails(tmp_path):
    result = on_ranks(
        tmp_path,
        SOURCE
        + """
import builtins
uneven = NeuralCompress(Input=waves_in((70, 20, 9)), Target="psnr", TargetPSNR=40, TrainingPasses=0)
uneven.UpdatePipeline()
facts = dict(uneven=uneven.GetClientSideObject().GetReport())
builtins.asked = []
small = NeuralCompress(Input=waves_in((12, 10, 8)), Target="max-error", MaxError="1%", TrainingPasses=0)
small.UpdatePipeline()
facts.update(small=small.GetClientSideObject().GetReport(), asked=builtins.asked)
broken = NeuralCompress(Input=waves_in((50, 40, 36), bad=1), TrainingPasses=0)
broken.UpdatePipeline()
facts.update(broken=broken.GetClientSideObject().GetReport())
mended = broken
mended.Target = "psnr"
mended.Input = waves_in((40, 12, 10))  # too short for three: one rank has no piece
mended.UpdatePipeline()
facts.update(mended=mended.GetClientSideObject().GetReport())
leave(facts)
""",
        3,
    )
    told = [result.facts[f"rank{rank}"] for rank in range(3)]
    for one in told:
        assert "Bricks: 3" in one["uneven"]
        assert "PSNR 40 dB; measured 40" in one["uneven"] or "measured 41" in one["uneven"]
        assert "Size" in one["small"]
        assert "infinite" in one["broken"]
        assert "Bricks: 2" in one["mended"]
    assert [len(one["asked"]) for one in told][0] == 1
    assert "rank 1" in told[0]["broken"]
    assert len(result.errors) >= 1


@pytest.mark.slow
def test_a_parallel_server(tmp_path):
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["mpirun", "--oversubscribe", "-n", "2", executable("pvserver"), f"--server-port={port}"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(START)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert any("Accepting connection" in line for line in server.stdout)
        script = tmp_path / "client.py"
        script.write_text(
            PREAMBLE
            + f"""
Connect("localhost", {port})
"""
            + LOAD.replace("remote=False", "remote=True")
            + f"""
wavelet = Wavelet(WholeExtent=[-20, 20, -18, 18, -10, 10])
compressed = NeuralCompress(Input=wavelet, TrainingPasses=0, Target="ratio", TargetRatio=20)
compressed.UpdatePipeline()
compressed.UpdatePropertyInformation()
tell(report=str(compressed.GetPropertyValue("Report")), extent=compressed.GetDataInformation().GetExtent())
SaveData({str(tmp_path / "server.srn")!r}, proxy=compressed)
""",
            encoding="utf-8",
        )
        found = subprocess.run(
            [executable("pvpython"), str(script)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=WAIT,
        )
    finally:
        server.terminate()
        server.wait(20)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Bricks: 2" in found.stdout
    file = srn_core.load(str(tmp_path / "server.srn"))
    assert len(file.fields[0].bricks) == 2
    assert file.fields[0].geometry.extent == (-20, 20, -18, 18, -10, 10)
    assert Path(tmp_path / "server.srn").stat().st_size == file.nbytes

"""What is said before Apply: bytes from the target, seconds from what the machine does."""

from __future__ import annotations

import numpy as np
import pytest
from srn_filters import estimate
from srn_filters.compress import NeuralCompress
from srn_filters.estimate import Experience, Given, Rough, given_in, in_words, seconds_of, size_of
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkFloatArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkMultiBlockDataSet

import srn_core
from srn_core.config import CompressConfig
from srn_core.rate import fit
from srn_core.training import grid_filter

CUBE = Given(128**3, 4 * 128**3)


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """A machine like that of the measured rates."""
    monkeypatch.setattr(estimate, "_slowness", lambda: 1.0)
    monkeypatch.setattr(estimate, "EXPERIENCE", Experience())


def config(**settings):
    return CompressConfig().with_settings({name.replace("__", "."): value for name, value in settings.items()})


def seconds(given=CUBE, **settings):
    chosen = config(**settings)
    return seconds_of(given, chosen, size_of(given, chosen) or given.nbytes / 50)


def test_the_size_is_what_was_asked_for():
    assert size_of(CUBE, config()) == CUBE.nbytes / 100
    assert size_of(Given(1000, 4000), config()) == 4096  # small volumes are not squeezed
    assert size_of(CUBE, config(target__ratio=400)) == CUBE.nbytes / 400
    assert size_of(CUBE, config(target__bytes=5000)) == 5000
    assert size_of(CUBE, config(target__psnr=40)) is None
    assert in_words(CUBE, config())[0] == "about 84 kB, 100 : 1"
    assert in_words(CUBE, config(target__bytes=5000))[0] == "at most 5 kB, 1678 : 1"
    assert in_words(CUBE, config(target__max_error="1%"))[0] == "what the quality takes"
    assert in_words(CUBE, config(target__psnr=40), lambda: 60000.0)[0] == "30 kB to 90 kB, 140 : 1"
    assert in_words(CUBE, config(pruner="mask", target__parameter_ratio=100))[0] == "about 21 000 parameters"


def test_seconds_follow_the_work():
    assert seconds(preset="fast") < seconds() < seconds(preset="best")
    assert seconds(training__passes=0) == seconds(preset="fast")
    assert seconds(target__bytes=3000) == seconds(target__bytes=3000, preset="fast"), "too few bytes for a filter"
    assert seconds(target__max_error="1%") == seconds(target__max_error="1%", preset="best"), "no filter there"
    assert seconds(Given(10**8, 4 * 10**8)) > 5 * seconds()
    assert 5 < seconds(training__seconds=5) < seconds()
    assert seconds(network="auto") > seconds(network="neurcomp", pruner="none") > seconds(pruner="smallify")
    # What is counted on is what the library does.
    assert estimate._filter_passes(CUBE.values) == pytest.approx(fit.FILTER_VALUES / CUBE.values)
    for size in (3999, 4000, 9000, 25000, 99999, 100000):
        assert (estimate._channels(size),) == (grid_filter.channels_for(size) or (0,))


def test_time_steps_of_one_file_count():
    alone, several = (in_words(CUBE, config(target__ratio=200), steps=n) for n in (1, 10))
    assert (alone[0], several[0]) == ("about 42 kB, 200 : 1", "about 420 kB, 200 : 1, 10 steps")
    assert in_words(CUBE, config(target__bytes=5000), steps=10)[0] == "at most 5 kB, 16777 : 1, 10 steps"
    assert alone[1].endswith(" s") and several[1].endswith(" min")


def test_the_time_limit_and_experience_count():
    said = in_words(CUBE, config(network="neurcomp", pruner="none", time_limit=600))[1]
    assert said.startswith("10 min, the Time Limit, of some ") and said.endswith(" h")
    assert in_words(CUBE, config(time_limit=seconds()))[1].endswith(", the Time Limit")
    assert "Time Limit" not in in_words(CUBE, config(time_limit=10 * seconds()))[1]
    before = seconds()
    estimate.EXPERIENCE.learn(10.0, 40.0)
    assert seconds() == pytest.approx(2 * before)
    for _ in range(20):
        estimate.EXPERIENCE.learn(10.0, 1e9)
    assert seconds() == pytest.approx(20 * before)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.2, 0.6, "about 1 s"), (4.4, 12, "4 to 12 s"), (20, 61, "20 to 61 s"), (70, 210, "70 s to 3.5 min")],
)
def test_times_in_words(low, high, words):
    assert estimate._times(low, high) == words


def image(*arrays):
    data = vtkImageData()
    data.SetDimensions(3, 4, 5)
    for name, components in arrays:
        array = vtkFloatArray()
        array.SetName(name)
        array.SetNumberOfComponents(components)
        array.SetNumberOfTuples(60)
        array.Fill(1.0)
        data.GetPointData().AddArray(array)
    return data


def test_arrays_are_counted_and_blocks_too():
    data = image(("p", 1), ("u", 3))
    assert given_in(data, ("point", "")) == Given(60, 240)
    assert given_in(data, ("point", "u")) == Given(180, 720)
    assert given_in(data, ("point", ""), [("point", "p"), ("point", "u")]) == Given(240, 960)
    assert given_in(data, ("cell", "p")) == given_in(None, ("point", "p")) == Given(0, 0)
    blocks = vtkMultiBlockDataSet()
    blocks.SetBlock(0, data)
    blocks.SetBlock(2, image(("p", 1)))
    assert given_in(blocks, ("point", "p")) == Given(120, 480)


def test_the_filter_tells_it_of_settings_that_are_not_in_force_yet():
    made = NeuralCompress()
    assert made.GetEstimatedSize() == "not known before the input is there"
    made.SetInputDataObject(0, image(("p", 1), ("u", 3)))
    assert made.GetEstimatedSize() == "at most 4.1 kB" and made.GetEstimatedTime().endswith(" s")
    panel = {**made.panel, "Target": "bytes", "TargetBytes": 360}
    assert made.estimate_for(panel, ("point", "u"))[0] == "at most 360 bytes, 2 : 1"
    assert "Training Passes must be" in made.estimate_for({**panel, "TrainingPasses": -2})[0]
    assert made.panel["Target"] == "ratio"


def test_a_quality_is_roughly_priced_from_the_middle():
    """Within a factor of two of the file that is then made; what knows no such price says so."""
    data, values = vtkImageData(), turbulence((40, 44, 48))
    data.SetDimensions(48, 44, 40)
    data.GetPointData().AddArray(numpy_to_vtk(values.ravel(), deep=True))
    data.GetPointData().GetArray(0).SetName("p")
    given, rough = given_in(data, ("point", "")), Rough()
    for target in ({"psnr": 45.0}, {"max_error": "1%"}):
        chosen = config(**{f"target__{name}": value for name, value in target.items()})
        said = rough.size(data, ("point", ""), chosen, given)
        made = srn_core.compress(values, preset="fast", **target).file.nbytes
        assert made / 2 < said < 2 * made, target
        assert rough.size(data, ("point", "p"), chosen, Given(2 * given.values, 0)) == 2 * said
    assert rough.size(image(("u", 3)), ("point", "u"), chosen, given) is None
    assert rough.size(image(("p", 1)), ("point", "p"), chosen, given) is None, "it has one value"
    assert rough.size(data, ("point", "q"), chosen, given) is rough.size(None, ("point", ""), chosen, given) is None


def turbulence(shape):
    """Waves of many lengths, shorter ones weaker."""
    rng = np.random.default_rng(3)
    frequencies = np.meshgrid(*[np.fft.fftfreq(n) for n in shape], indexing="ij")
    radius = np.sqrt(sum(f**2 for f in frequencies)) + 1 / max(shape)
    waves = np.fft.fftn(rng.standard_normal(shape)) * radius**-2.5
    return np.fft.ifftn(waves).real.astype(np.float32)

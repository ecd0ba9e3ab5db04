"""The NumPy reader of .vti files against VTK's own writer, and against damaged and hostile files."""

from __future__ import annotations

import base64
import subprocess
import sys
import zlib

import numpy as np
import pytest

from srn_core.errors import SrnInputError
from srn_core.io import array_names, read_volume, write_volume
from srn_core.volume import Geometry, Volume

VALUES = np.arange(24, dtype="<f4").reshape(2, 3, 4)


def document(array: str, appended: str = "", head: str = "", extent: str = "0 3 0 2 0 1", more: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" '
        f'header_type="UInt64"{more}><ImageData WholeExtent="{extent}" Origin="1 2 3" Spacing="0.5 1 2">'
        f'<Piece Extent="{extent}"><PointData>{array}</PointData></Piece></ImageData>{appended}</VTKFile>'
    ).encode()


def inline(values: np.ndarray = VALUES, **more: str) -> bytes:
    text = base64.b64encode(np.uint64(values.nbytes).tobytes() + values.tobytes()).decode()
    return document(f'<DataArray type="Float32" Name="a" format="binary">\n  {text}\n</DataArray>', **more)


@pytest.fixture
def write(tmp_path):
    def written(data: bytes) -> str:
        path = tmp_path / "image.vti"
        path.write_bytes(data)
        return str(path)

    return written


def test_values_and_geometry_written_by_hand(write):
    volume = read_volume(write(inline()))
    assert np.array_equal(volume.values, VALUES)
    assert volume.geometry == Geometry((4, 3, 2), (1.0, 2.0, 3.0), (0.5, 1.0, 2.0))


def test_text_values(write):
    text = " ".join(str(v) for v in VALUES.ravel())
    volume = read_volume(write(document(f'<DataArray type="Float32" Name="a" format="ascii">{text}</DataArray>')))
    assert np.array_equal(volume.values, VALUES)


def test_two_compressed_base64_blocks(write):
    data = VALUES.tobytes()
    blocks = [zlib.compress(data[:64]), zlib.compress(data[64:])]
    header = np.array([2, 64, 32, len(blocks[0]), len(blocks[1])], "<u8").tobytes()
    text = base64.b64encode(header).decode() + base64.b64encode(b"".join(blocks)).decode()
    array = f'<DataArray type="Float32" Name="a" format="binary">{text}</DataArray>'
    assert np.array_equal(
        read_volume(write(document(array, more=' compressor="vtkZLibDataCompressor"'))).values, VALUES
    )


@pytest.mark.parametrize("order", ["LittleEndian", "BigEndian"])
@pytest.mark.parametrize("header", ["UInt32", "UInt64"])
@pytest.mark.parametrize("compressor", ["None", "ZLib", "LZMA", "LZ4"])
@pytest.mark.parametrize("mode", ["Ascii", "Binary", "Appended", "AppendedBase64"])
def test_every_way_vtk_writes(tmp_path, mode, compressor, header, order):
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

    image = vtkImageData()
    image.SetExtent(-2, 8, 3, 9, 0, 4)
    image.SetOrigin(1, 2, 3)
    image.SetSpacing(0.1, 0.2, 0.3)
    image.SetDirectionMatrix(0, -1, 0, 1, 0, 0, 0, 0, 1)
    random = np.random.default_rng(0)
    arrays = {}
    for data, name, count, components, dtype in [
        (image.GetPointData(), "p", 11 * 7 * 5, 1, "f4"),
        (image.GetPointData(), "v", 11 * 7 * 5, 3, "f8"),
        (image.GetCellData(), "c", 10 * 6 * 4, 1, "u2"),
    ]:
        arrays[name] = (random.random((count, components)) * 1000).astype(dtype)
        array = numpy_to_vtk(arrays[name], deep=True)
        array.SetName(name)
        data.AddArray(array)
    writer = vtkXMLImageDataWriter()
    writer.SetFileName(str(tmp_path / "a.vti"))
    writer.SetInputData(image)
    getattr(writer, f"SetCompressorTypeTo{compressor}")()
    getattr(writer, f"SetHeaderTypeTo{header}")()
    getattr(writer, f"SetByteOrderTo{order}")()
    getattr(writer, f"SetDataModeTo{mode.replace('Base64', '')}")()
    writer.SetEncodeAppendedData(mode == "AppendedBase64")
    writer.SetBlockSize(400)
    assert writer.Write() == 1

    assert array_names(tmp_path / "a.vti") == ["p", "v", "c"]
    for name, shape in [("p", (5, 7, 11)), ("v", (5, 7, 11, 3)), ("c", (4, 6, 10))]:
        volume = read_volume(tmp_path / "a.vti", name)
        assert volume.values.dtype == arrays[name].dtype
        assert np.allclose(volume.values, arrays[name].reshape(shape), rtol=1e-5 if mode == "Ascii" else 0)
        assert volume.geometry.origin == (1, 2, 3)
        assert volume.geometry.spacing == (0.1, 0.2, 0.3)
        assert volume.geometry.direction == (0, -1, 0, 1, 0, 0, 0, 0, 1)
        assert volume.geometry.start == (-2, 3, 0)
        assert volume.geometry.association == ("cell" if name == "c" else "point")


@pytest.mark.parametrize("association", ["point", "cell"])
@pytest.mark.parametrize("dims", [(4, 3, 2), (4, 3, 1)])
def test_vtk_reads_what_is_written(tmp_path, association, dims):
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    geometry = Geometry(dims, (0.5, -1, 2), (0.1, 1, 3), (0, 1, 0, -1, 0, 0, 0, 0, 1), (7, 0, -2), association)
    values = np.random.default_rng(1).random((*geometry.shape, 3))
    write_volume(tmp_path / "a.vti", Volume(values, geometry, "<u & 'v'>", time=4.5))
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "a.vti"))
    reader.Update()
    image = reader.GetOutput()
    data = image.GetPointData() if association == "point" else image.GetCellData()
    assert np.array_equal(vtk_to_numpy(data.GetArray("<u & 'v'>")), values.reshape(-1, 3))
    assert image.GetExtent() == geometry.extent
    assert (image.GetOrigin(), image.GetSpacing()) == (geometry.origin, geometry.spacing)
    matrix = image.GetDirectionMatrix()
    assert tuple(matrix.GetElement(i, j) for i in range(3) for j in range(3)) == geometry.direction
    assert image.GetFieldData().GetArray("TimeValue").GetTuple1(0) == 4.5


def test_vti_needs_no_package(tmp_path):
    path = tmp_path / "a.vti"
    code = (
        "import sys\n"
        "for name in ('vtk', 'vtkmodules', 'torch', 'skimage', 'sklearn'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "from srn_core.io import read_volume, write_volume\n"
        "from srn_core.volume import Volume\n"
        f"write_volume({str(path)!r}, Volume.from_array(np.arange(24.0).reshape(2, 3, 4)))\n"
        f"assert read_volume({str(path)!r}).values[1, 2, 3] == 23\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_active_scalars_are_taken_of_several_arrays(write):
    zeros = '<DataArray type="UInt8" Name="b" format="ascii">' + "0 " * 24 + "</DataArray>"
    ones = '<DataArray type="UInt8" Name="a" format="ascii">' + "1 " * 24 + "</DataArray>"
    both = document(zeros + ones)
    with pytest.raises(SrnInputError, match="several arrays.*b, a"):
        read_volume(write(both))
    assert read_volume(write(both.replace(b"<PointData>", b'<PointData Scalars="a">'))).name == "a"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]>'
COMPRESSED = ' compressor="vtkZLibDataCompressor"'


def appended(raw: bytes) -> bytes:
    start = document(
        '<DataArray type="Float32" Name="a" format="appended" offset="0"/>', '<AppendedData encoding="raw">_'
    )
    return start.replace(b"</VTKFile>", b"") + raw + b"</AppendedData></VTKFile>"


def blocks(*header: int) -> bytes:
    text = base64.b64encode(np.array(header, "<u8").tobytes()).decode() + base64.b64encode(b"x" * 60).decode()
    return document(f'<DataArray type="Float32" Name="a" format="binary">{text}</DataArray>', more=COMPRESSED)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"hello", "not a VTK image", id="text"),
        pytest.param(b"\0" * 100, "not a VTK image", id="zeros"),
        pytest.param(b"<a>", "not a whole VTK image", id="open tag"),
        pytest.param(b"<a/>", "not a VTK image", id="other XML"),
        pytest.param(inline()[:300], "not a whole VTK image", id="cut in the head"),
        pytest.param(inline(head=BOMB), "not a VTK image", id="entities"),
        pytest.param(inline(VALUES[:1]), "holds 48 bytes, the grid needs 96", id="too few values"),
        pytest.param(inline(extent="0 3 0 2 0 -1"), "empty image", id="empty extent"),
        pytest.param(inline(extent="0 3 0 2"), "no usable extent", id="short extent"),
        pytest.param(inline(extent="0 99999999999 0 2 0 1"), "no usable extent", id="endless extent"),
        pytest.param(inline(extent="0 2000000000 0 2000000000 0 1"), "memory", id="huge extent"),
        pytest.param(inline().replace(b'Spacing="0.5 1 2"', b'Spacing="0.5 x 2"'), "Spacing", id="spacing of words"),
        pytest.param(inline().replace(b'Spacing="0.5 1 2"', b'Spacing="nan 1 2"'), "not finite", id="spacing NaN"),
        pytest.param(inline().replace(b"Float32", b"String"), "no array of numbers", id="text array"),
        pytest.param(inline().replace(b'"binary"', b'"magic"'), "unknown format", id="unknown format"),
        pytest.param(inline().replace(b'"ImageData" version', b'"PolyData" version'), "not a VTK image", id="polydata"),
        pytest.param(appended(np.uint64(96).tobytes() + VALUES.tobytes()[:50]), "damaged or cut off", id="cut off"),
        pytest.param(appended(np.uint64(1 << 62).tobytes() + VALUES.tobytes()), "damaged or cut off", id="long block"),
        pytest.param(appended(b""), "damaged or cut off", id="nothing appended"),
        pytest.param(blocks(1, 96, 0, 60), "damaged or cut off", id="no zlib data"),
        pytest.param(blocks(1 << 60, 96, 0), "blocks hold", id="endless blocks"),
        pytest.param(blocks(1, 96, 0, 1 << 60), "claims", id="endless block"),
    ],
)
def test_damaged_files_are_refused_in_one_line(write, data, words):
    with pytest.raises(SrnInputError, match=words) as caught:
        read_volume(write(data))
    assert "image.vti" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_arrays_are_named_as_such(write):
    data = inline().replace(b"Float32", b"String")
    with pytest.raises(SrnInputError, match="holds text"):
        read_volume(write(data), "a")


def test_a_file_cut_off_anywhere_never_gives_a_volume(tmp_path, write):
    write_volume(tmp_path / "whole.vti", Volume.from_array(VALUES, "a"))
    data = (tmp_path / "whole.vti").read_bytes()
    end = data.index(b"</AppendedData>") - 1
    for size in range(1, end, 7):
        with pytest.raises(SrnInputError):
            read_volume(write(data[:size]))

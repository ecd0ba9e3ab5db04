"""Makes the golden files: ``python tests/golden/make.py``.

Each file is made once, by the release that brought its kind, and then kept for good: that it opens
to the same numbers is what the tests check. Existing files are therefore never written again; a new
kind of file is added here under a new name.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

from added_fields import added_step, chain  # noqa: E402
from brick_fields import bricked, wavy  # noqa: E402
from example_fields import field_of, filled, fvsrn, neurcomp  # noqa: E402

from srn_core import codec  # noqa: E402
from srn_core.codec import Corrections, NeuralField, Plateau, Quality, StoredArray  # noqa: E402
from srn_core.codec.field import OnMesh  # noqa: E402
from srn_core.grid_points import CurvilinearPoints, RectilinearPoints  # noqa: E402
from srn_core.mesh import Faces, Mesh  # noqa: E402
from srn_core.pyramid import pyramid_of  # noqa: E402
from srn_core.spec import ConstantSpec, FvSrnSpec  # noqa: E402
from srn_core.volume import Geometry  # noqa: E402


def clustered(arrays: dict[str, StoredArray]) -> dict[str, StoredArray]:
    """The same, but for latent grids, of which a ball is kept and the rest is zero."""
    kept = {}
    for name, array in arrays.items():
        codes = array.codes
        if codes.ndim > 3:
            z, y, x = (2 * np.indices(codes.shape[-3:]).T + 1).T / np.reshape(codes.shape[-3:], (3, 1, 1, 1)) - 1
            codes = codes * (z**2 + y**2 + x**2 < 0.3).astype(np.int32)
        kept[name] = dataclasses.replace(array, codes=codes)
    return kept


def coded_latents() -> list[NeuralField]:
    """Latents of pyramids in the layout "pyramid": bands with blocks, wide codes, groups of every kind."""
    generator = np.random.default_rng(5)
    z, y, x = np.indices((26, 29, 31))
    near = np.exp(-((z - 3.0) ** 2 + (y - 20.0) ** 2 + (x - 5.0) ** 2) / 40)
    blocky = np.rint(4 * near * generator.laplace(size=near.shape))[None]
    wide = np.trunc(generator.laplace(size=(2, 6, 7, 8)) * 10.0 ** generator.integers(0, 7, (2, 6, 7, 8)))
    wide[0, 0, 0, 0], wide[1, 0, 0, 0] = (1 << 24) - 1, 1 - (1 << 24)
    flat = np.rint(3 * generator.laplace(size=(1, 1, 40, 50)))
    plateau, corrections = np.zeros((26, 29, 31), bool), np.zeros((26, 29, 31, 1), np.int32)
    plateau[20:, 10:], corrections[3, 20, 5:9] = True, 2
    mended = {"plateau": Plateau(plateau, (-0.25,)), "corrections": Corrections(corrections, 0.5)}
    found = []
    for name, codes, groups, more in (
        ("blocks", blocky, (("yx", 1),), mended),
        ("wide", wide, (("z", 1), ("yx", 2)), {}),
        ("flat", flat, (("zyx", 3),), {}),
        ("groupless", wide[:1, :3], (), {}),
    ):
        features, nz, ny, nx = codes.shape
        pyramid = pyramid_of("bior2.2", groups)
        spec = FvSrnSpec((1.0, 0.75, 0.5), features, (), 0, features, (nz, ny, nx), pyramid, skip=True)
        arrays = {
            "coefficients": StoredArray(np.clip(codes, 1 - (1 << 24), (1 << 24) - 1).astype(np.int32), 25, step=0.5)
        }
        found.append(field_of(spec, arrays, name=name, geometry=Geometry((nx, ny, nz)), **more))
    return found


def added() -> list[NeuralField]:
    """Time steps that are added to those before: a chain with filters, a key frame, and another array between them."""
    first, second, third = chain([(), (3,), ()])
    other = added_step(5, components=2, name="wind", time=1.0)
    key = added_step(3)
    last = added_step(
        4, key, corrections=Corrections(np.eye(9, 11, dtype=np.int32)[..., None, None].repeat(14, 2), 0.5)
    )
    return [first, second, other, third, key, last, added_step(6, other, components=2, name="wind", time=4.0)]


def grids() -> list[NeuralField]:
    """Fields on a rectilinear grid, whose cells share its points, and on structured ones."""
    axes = RectilinearPoints(np.arange(9) ** 2 / 3, 7.5 - np.arange(7.0), np.geomspace(1, 9, 5))
    z, y, x = np.mgrid[:5, :7, :9].astype(np.float32)
    bent = CurvilinearPoints(np.stack([(1 + x) * np.cos(y / 5), (1 + x) * np.sin(y / 5), z - x / 7], axis=-1))
    sheet = CurvilinearPoints(np.random.default_rng(3).normal(size=(1, 7, 9, 3)))
    return [
        field_of(neurcomp(), geometry=Geometry((9, 7, 5), start=(2, 0, 1), points=axes)),
        field_of(neurcomp(), geometry=Geometry((8, 6, 4), association="cell", points=axes)),
        field_of(neurcomp(), name="bent", geometry=Geometry((9, 7, 5), points=bent), valid=z + y > 1),
        field_of(neurcomp(), name="sheet", geometry=Geometry((8, 6, 1), association="cell", points=sheet)),
    ]


def meshes() -> list[NeuralField]:
    """Fields on an unstructured grid, of which some samples have no value, on a surface, and on points alone."""
    z, y, x = np.mgrid[:3, :3, :4].reshape(3, -1)
    points = np.stack([x + 0.1 * y, y - 0.2 * z, z**2 / 3], axis=1).astype(np.float32)
    first = np.flatnonzero((x < 3) & (y < 2) & (z < 2))
    boxes = (first[:, None] + [0, 1, 5, 4, 12, 13, 17, 16])[:9]
    types, sizes = np.array([12] * len(boxes) + [10, 1]), np.array([8] * len(boxes) + [4, 1])
    corners = np.concatenate([boxes.ravel(), [0, 1, 4, 12], [35]])
    solid = Mesh(points, types.astype(np.uint8), sizes.astype(np.int32), corners.astype(np.int32))
    ring = np.stack([np.cos(np.arange(7.0)), np.sin(np.arange(7.0)), np.arange(7.0)], axis=1)
    lists, lengths = np.array([0, 1, 2, 2, 3]), np.array([1, 3, 3, 4, 5])
    around = (3 * np.arange(16)) % 7
    surface = Mesh(ring, lists.astype(np.uint8), lengths.astype(np.int32), around.astype(np.int32), surface=True)
    some = np.arange(36) % 5 > 0
    return [
        field_of(neurcomp(), mesh=OnMesh(solid, "point", some), blanked=True),
        field_of(neurcomp(), filled(neurcomp(), seed=1), mesh=OnMesh(solid, "cell")),
        field_of(neurcomp(), name="around", mesh=OnMesh(surface, "cell", np.arange(5) != 2)),
        field_of(neurcomp(), name="cloud", mesh=OnMesh(Mesh(points), "point")),
    ]


def corrected_meshes() -> list[NeuralField]:
    """Corrections at the points of a mesh and in its cells, of one and of two components."""
    points = np.stack([np.arange(40) % 7, np.arange(40) // 7, np.sqrt(np.arange(40))], axis=1)
    triangles = (np.arange(30)[:, None] + [0, 1, 7]).ravel().astype(np.int32)
    sheet = Mesh(points, np.full(30, 2, np.uint8), np.full(30, 3, np.int32), triangles, surface=True)
    at_points = (np.arange(40) % 6 == 0)[:, None] * (np.arange(40)[:, None] - 20)
    at_points[12], at_points[13] = 32767, -32767
    in_cells = np.stack([np.arange(30) % 3 - 1, np.zeros(30, int)], axis=1)
    two = {"value_range": ((0.0, 1.0), (-3.0, 5.0)), "vector": True}
    first = OnMesh(sheet, "point", np.arange(40) != 3, corrections=Corrections(at_points.astype(np.int32), 0.25))
    second = OnMesh(sheet, "cell", corrections=Corrections(in_cells.astype(np.int32), 0.1))
    return [
        field_of(neurcomp(), mesh=first),
        field_of(neurcomp(components=2), filled(neurcomp(components=2), seed=2), mesh=second, **two),
    ]


def polyhedral() -> Mesh:
    """Two pyramids told by their faces, and a tetrahedron between them that has none of its own."""
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1], [0.5, 0.5, -1.25]])
    of_one = [[0, 3, 2, 1], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
    faces = [*of_one, [0, 1, 2, 3], *([face[1], face[0], 5] for face in of_one[1:])]
    sizes, corners = np.array([len(face) for face in faces]), np.concatenate(faces)
    own = Faces(np.array([5, 5], np.int32), sizes.astype(np.int32), corners.astype(np.int32))
    cells = np.array([0, 1, 2, 3, 4, 0, 1, 2, 4, 0, 1, 2, 3, 5], np.int32)
    return Mesh(points, np.array([42, 10, 42], np.uint8), np.array([5, 4, 5], np.int32), cells, faces=own)


def bricks() -> list[NeuralField]:
    """A field of bricks with masks and plateaus, beside others."""
    values = wavy((22, 18, 17))
    z, y, x = np.indices(values.shape)
    axes = RectilinearPoints(np.arange(22) ** 2 / 3, 7.5 - np.arange(18.0), np.geomspace(1, 9, 17))
    land, seen = (x > 12) & (y > 12), z + y > 5
    quality = Quality(31.5, 0.05, 0.25, 0.75)
    whole = bricked(values, 16, 2, 0.25, mask=seen, plateau=land, quality=quality, units="K", time=0.5)
    other = bricked(values, 16, 1, 0.5, name="other", geometry=Geometry((22, 18, 17), points=axes))
    return [field_of(neurcomp()), whole, other]


def golden_fields() -> dict[str, list[NeuralField]]:
    """Name -> the fields of a file."""
    quality = Quality(41.25, 0.0117, 0.25, 0.975)
    z, y, x = np.mgrid[:5, :7, :9]
    ball = (z - 2) ** 2 + (y - 3) ** 2 + (x - 4) ** 2 < 14
    tilted = Geometry((9, 7, 5), (0.1, -2.5, 1e6), (0.5, 0.25, 3.0), (0, 1, 0, -1, 0, 0, 0, 0, 1.0), (3, -4, 5), "cell")
    pruned, wide = fvsrn(grid=(20, 13, 22), features=2), neurcomp(width=20, hidden=(20, 16))
    pruned_grid = fvsrn(wavelet=False, grid=(16, 13, 12), features=3)
    book = {"grid": clustered(filled(pruned_grid, 5, "kmeans", zeros=0.2))["grid"]}
    pyramid = pyramid_of("bior4.4", (("z", 1), ("yx", 2)))
    latents = FvSrnSpec((1.0, 0.75, 0.5), 1, (), 0, 1, (5, 7, 9), pyramid, skip=True, filter=(3,))
    plain, sparse, spatial = neurcomp(residual=False, components=3), fvsrn(grid=(8, 8, 8)), fvsrn(wavelet=False)
    return {
        "neurcomp-residual": [field_of(neurcomp(), quality=quality, provenance={"seed": 7}, original_bytes=1260)],
        "neurcomp-plain": [field_of(plain, filled(plain, 16), name="velocity", units="m/s", dtype="float64")],
        "fvsrn-wavelet": [field_of(sparse, filled(sparse, 8, zeros=0.8), quality=Quality(float("inf"), 0.0, 0.0, 1.0))],
        "fvsrn-spatial": [field_of(spatial, filled(spatial, 5), dtype="uint8", value_range=((0.0, 255.0),))],
        "codebooks": [field_of(sparse, filled(sparse, 4, "kmeans", zeros=0.5))],
        "constant": [field_of(ConstantSpec((1.0, 1.0, 1.0), 1), dtype="int16", value_range=((3.0, 3.0),))],
        "blocks": [
            field_of(neurcomp(), valid=ball, blanked=True, block="wing/upper"),
            field_of(neurcomp(), filled(neurcomp(), seed=1), block="wing/lower"),
        ],
        "masked": [field_of(neurcomp(), valid=ball, geometry=tilted)],
        "several": [
            field_of(neurcomp(), filled(neurcomp(), seed=step), time=0.5 * step, valid=ball) for step in range(2)
        ]
        + [field_of(spatial, filled(spatial, 11), name="température")],
        "pyramid": [field_of(latents, filled(latents, 8, zeros=0.6))],
        "pyramid-coded": coded_latents(),
        "grids": grids(),
        "bricks": bricks(),
        "meshes": meshes(),
        "meshes-corrected": corrected_meshes(),
        "polyhedra": [
            field_of(neurcomp(), name=name, mesh=OnMesh(polyhedral(), at))
            for name, at in (("a", "point"), ("b", "cell"))
        ],
        "pyramid-added": added(),
        "probabilities": [
            field_of(pruned, clustered(filled(pruned, 6, zeros=0.2)), name="subbands"),
            field_of(pruned_grid, {**filled(pruned_grid), **book}, name="grid"),
            field_of(wide, filled(wide, 12), name="weights"),
        ],
    }


def expected(fields: list[NeuralField]) -> dict[str, np.ndarray]:
    """What a file must open to: every array's numbers, the masks, plateaus and corrections."""
    found = {}
    laid_out = [one for whole in fields for one in (whole, *(brick.open() for brick in whole.bricks))]
    for place, field in enumerate(laid_out):
        for name, array in field.arrays.items():
            found[f"{place}/{name}"] = array.values()
        if field.valid is not None:
            found[f"{place}/valid"] = field.valid
        if field.plateau is not None:
            found[f"{place}/plateau"] = field.plateau.mask
            found[f"{place}/plateau.values"] = np.array(field.plateau.values)
        if field.corrections is not None:
            found[f"{place}/corrections"] = field.corrections.codes * field.corrections.step
        if field.geometry.points is not None:
            found[f"{place}/points"] = field.geometry.points.numbers
        if field.mesh is not None:
            of_faces = ("faces.counts", "faces.sizes", "faces.corners")
            for name, numbers in zip(("points", "types", "sizes", "corners", *of_faces), field.mesh.mesh.numbers):
                found[f"{place}/mesh.{name}"] = numbers
            if field.mesh.valid is not None:
                found[f"{place}/mesh.valid"] = field.mesh.valid
            if field.mesh.corrections is not None:
                found[f"{place}/mesh.corrections"] = field.mesh.corrections.codes * field.mesh.corrections.step
    return found


if __name__ == "__main__":
    for name, fields in golden_fields().items():
        if (HERE / f"{name}.srn").exists():
            print(f"{name}: kept")
            continue
        codec.write(HERE / f"{name}.srn", fields)
        np.savez_compressed(HERE / f"{name}.npz", **expected(fields))
        print(f"{name}: made, {(HERE / f'{name}.srn').stat().st_size} bytes")

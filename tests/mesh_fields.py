"""Meshes and arrays on them that tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

from srn_core.mesh import Faces, Mesh, MeshArray


def tetrahedra(edge: int = 8, dtype: str = "float32") -> Mesh:
    """A cube of edge^3 points, shaken, each cell of six tetrahedra; and a vertex, so that sizes differ."""
    z, y, x = np.indices((edge, edge, edge)).reshape(3, -1)
    shaken = np.stack([x, y, z], axis=1) + np.random.default_rng(1).uniform(-0.3, 0.3, (edge**3, 3))
    first = np.flatnonzero((x < edge - 1) & (y < edge - 1) & (z < edge - 1))
    steps = {"x": 1, "y": edge, "z": edge * edge}
    paths = ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"]
    offsets = np.array([np.cumsum([0, *(steps[axis] for axis in path)]) for path in paths])
    corners = (first[:, None, None] + offsets).reshape(-1, 4)
    types, sizes = np.full(len(corners) + 1, 10, np.uint8), np.full(len(corners) + 1, 4, np.int32)
    types[-1], sizes[-1] = 1, 1
    return Mesh(shaken.astype(dtype), types, sizes, np.append(corners.ravel(), 3).astype(np.int32))


def surface() -> Mesh:
    """A bent sheet of vertices, lines, quads and a strip, float64."""
    y, x = np.indices((12, 15)).reshape(2, -1)
    points = np.stack([x, y, np.sin(x / 4.0)], axis=1)
    first = np.flatnonzero((x < 14) & (y < 11))
    quads = first[:, None] + [0, 1, 16, 15]
    types = np.repeat(np.arange(4, dtype=np.uint8), [2, 1, len(quads), 1])
    sizes = np.array([1, 1, 5, *[4] * len(quads), 6], np.int32)
    corners = np.concatenate([[0, 7], np.arange(5), quads.ravel(), [0, 15, 1, 16, 2, 17]])
    return Mesh(points, types, sizes, corners.astype(np.int32), surface=True)


def smooth(mesh: Mesh, association: str = "point", **more: Any) -> MeshArray:
    """A field of the world on a mesh, float32."""
    x, y, z = np.nan_to_num(mesh.positions(association)).T
    values = (np.sin(x / 3) * np.cos(y / 4) + z / 5).astype(np.float32)
    return MeshArray(values, mesh, **{"name": "heat", "association": association, **more})


def polyhedra() -> Mesh:
    """Boxes whose faces are told one by one, among them a tetrahedron of VTK's own type and a prism, float64."""
    z, y, x = np.indices((3, 4, 5)).reshape(3, -1)
    points = np.stack([x + 0.1 * np.sin(y), y * 1.0, z + 0.05 * x], axis=1)
    first = np.flatnonzero((x < 4) & (y < 3) & (z < 2))
    corners = first[:, None] + [0, 1, 5, 6, 20, 21, 25, 26]
    sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    around = corners[:, sides]
    prism = np.array([0, 1, 5, 20, 21, 25])
    counts = np.array([6] * len(first) + [5], np.int32)
    sizes = np.array([4] * (6 * len(first)) + [3, 3, 4, 4, 4], np.int32)
    of_prism = prism[[0, 1, 2, 3, 5, 4, 0, 3, 4, 1, 1, 4, 5, 2, 2, 5, 3, 0]]
    faces = Faces(counts, sizes, np.concatenate([around.ravel(), of_prism]).astype(np.int32))
    types = np.array([42] * len(first) + [10, 42], np.uint8)
    cells = np.array([8] * len(first) + [4, 6], np.int32)
    of_cells = np.concatenate([corners.ravel(), [0, 1, 5, 20], prism]).astype(np.int32)
    return Mesh(points, types, cells, of_cells, faces=faces)

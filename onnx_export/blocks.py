"""Cutting a grid into blocks that fit a cache, or a memory budget."""

from __future__ import annotations

from typing import Iterator


def block_shape(dims: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """Block (x, y, z) of at most about ``voxels`` voxels: long along x, for whole rows are cheap, and thick
    along z rather than y, for latent planes are then shared by more voxels."""
    nx, ny, nz = dims
    x = _even(nx, voxels)
    z = _even(nz, max(1, min(16, voxels // x)))
    y = _even(ny, max(1, voxels // (x * z)))
    z = _even(nz, max(1, voxels // (x * y)))
    return x, y, z


def cube_shape(dims: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """Block (x, y, z) of at most about ``voxels`` voxels, as near to a cube as can be: with the smallest seams."""
    shape, left = [0, 0, 0], max(1, voxels)
    for done, axis in enumerate(sorted(range(3), key=lambda a: dims[a])):
        shape[axis] = _even(dims[axis], max(1, int(left ** (1 / (3 - done)))))
        left = max(1, left // shape[axis])
    return shape[0], shape[1], shape[2]


def blocks(dims: tuple[int, int, int], shape: tuple[int, int, int]) -> Iterator[tuple[slice, slice, slice]]:
    """(x, y, z) slices of all blocks, z slowest."""
    nx, ny, nz = dims
    x, y, z = shape
    for k in range(0, nz, z):
        for j in range(0, ny, y):
            for i in range(0, nx, x):
                yield slice(i, min(i + x, nx)), slice(j, min(j + y, ny)), slice(k, min(k + z, nz))


def _even(samples: int, most: int) -> int:
    """Length, at most ``most``, of the pieces that cut ``samples`` into as few and as equal parts as can be."""
    pieces = max(1, -(-samples // most))
    return max(1, -(-samples // pieces))

"""How much a file may ask for: no hostile file of a few bytes may fill the memory.

The writer obeys the same limits, so that whatever is written can be read.
"""

from __future__ import annotations

from math import prod

from srn_core.spec import NetworkSpec

MAX_CODES = 1 << 28
BASE_CODES = 1 << 25
CODES_PER_BYTE = 1024
"""A file of b bytes may hold BASE_CODES + b * CODES_PER_BYTE codes, at most MAX_CODES (4 bytes each in memory). Latents
of pyramids may be so many for each time: they are decoded time by time, unless a file is read as a whole."""

MAX_MASK_VOXELS = 1 << 30
BASE_MASK_VOXELS = 1 << 26
MASK_VOXELS_PER_BYTE = 1 << 17
"""A file of b bytes may hold masks of BASE_MASK_VOXELS + b * MASK_VOXELS_PER_BYTE voxels, at most
MAX_MASK_VOXELS (1 byte each in memory). Masks of simple shape really are that small."""

MASK_VOXELS_PER_CORRECTION = 4
"""A value that may be corrected counts as so many voxels of a mask: it takes 4 bytes in memory."""

MAX_GRID_SAMPLES = 1 << 48


def codes_of(spec: NetworkSpec) -> int:
    """Number of codes of all arrays."""
    return sum(prod(shape) for shape in spec.shapes().values())


def most_codes(file_bytes: int) -> int:
    """Number of codes that a file of this size may hold at once."""
    return min(MAX_CODES, BASE_CODES + file_bytes * CODES_PER_BYTE)


def most_mask_voxels(file_bytes: int) -> int:
    """Number of mask voxels a file of this size may hold."""
    return min(MAX_MASK_VOXELS, BASE_MASK_VOXELS + file_bytes * MASK_VOXELS_PER_BYTE)

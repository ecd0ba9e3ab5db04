"""One compressed field, as the codec knows it: a network spec, stored numbers, and what they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

import numpy as np

from srn_core.mesh import Mesh
from srn_core.spec import NetworkSpec
from srn_core.volume import Geometry


@dataclass(frozen=True)
class StoredArray:
    """An array as integers and what turns them back into numbers."""

    codes: np.ndarray
    """Integers (int32) in the array's shape. Uniform: signed, 0 is exactly 0. Codebook: indices from 0 up."""
    bits: int
    """Bits per code, 1 to 16; to 25 for the latents of a pyramid."""
    step: Optional[float] = None
    """Uniform: value = code * step (a float32 number)."""
    codebook: Optional[np.ndarray] = None
    """K-means: value = codebook[code], float32, at most 2**bits entries."""
    stream: Optional[bytes] = field(default=None, compare=False, repr=False)
    """The codes as a stream of the layout "pyramid", where they came about while it was made."""

    def values(self) -> np.ndarray:
        """The array's numbers, float32; the same on every machine."""
        if self.codebook is not None:
            return np.asarray(self.codebook, np.float32)[self.codes]
        return self.codes.astype(np.float32) * np.float32(self.step)


@dataclass(frozen=True)
class Quality:
    """Measured on the decoder's result from the file on disk, over valid voxels, in the original dtype."""

    psnr: float
    """Full range: 20 log10(max - min) - 10 log10(MSE), in dB; infinity for an exact result."""
    rmse: float
    max_error: float
    ssim: float


@dataclass(frozen=True)
class Plateau:
    """Voxels that all hold exactly one value: land, walls, what lies outside a mask but is no NaN."""

    mask: np.ndarray
    """(z, y, x) of bool."""
    values: tuple[float, ...]
    """The value, one number per component, which the original dtype holds exactly."""


@dataclass(frozen=True)
class Corrections:
    """What is added to decoded voxels, or to samples of a mesh, to keep a promised largest error."""

    codes: np.ndarray
    """(z, y, x, components), of a mesh (samples, components), int32, most of them 0, at most 32767 in magnitude."""
    step: float
    """``codes * step`` is added, in the field's units."""


@dataclass(frozen=True)
class Brick:
    """A part of a field with a network of its own. It overlaps its neighbours, and fades out over what they share."""

    geometry: Geometry
    """Its samples, counted as those of the whole are; where they lie in the world the whole knows."""
    fades: tuple[int, ...]
    """Samples over which its weight falls to 0: at the lower and the upper end along x, y, z; 0: it does not."""
    masked: bool
    """Whether it has voxels without value."""
    open: Callable[[], NeuralField] = field(compare=False, repr=False)
    """The brick as a field, read anew at each call. May raise SrnFormatError."""


@dataclass(frozen=True)
class OnMesh:
    """A mesh at whose points or cells an array has its samples; the field's grid lies over the mesh's box."""

    mesh: Mesh
    association: str
    """"point" or "cell"."""
    valid: Optional[np.ndarray] = field(default=None, compare=False)
    """(N,) of bool; None: all valid. Samples that are not valid come back as NaN (0 for integers)."""
    nbytes: int = field(default=0, compare=False)
    """Of the file, that are the mesh: points and cells, stored once for all arrays on it. 0 where it is shared."""
    corrections: Optional[Corrections] = field(default=None, compare=False)
    """Added at the samples alone, before integers are rounded; anywhere else they say nothing."""


@dataclass(frozen=True)
class NeuralField:
    """Everything one compressed array needs to be decoded, and what is known of it."""

    spec: NetworkSpec
    arrays: Mapping[str, StoredArray]
    """One for every name in ``spec.shapes()``."""
    geometry: Geometry
    name: str
    dtype: str
    """Original dtype as NumPy writes it without byte order: "float32", "uint8", ..."""
    value_range: tuple[tuple[float, float], ...]
    """(min, max) per component over valid voxels; normalised -1 and 1 stand for them."""
    vector: bool = False
    """True where the array had a component axis, even one of length 1."""
    units: str = ""
    time: Optional[float] = None
    valid: Optional[np.ndarray] = None
    """(z, y, x) of bool; None: all valid. Voxels that are not valid decode to NaN (0 for integers)."""
    original_bytes: int = 0
    quality: Optional[Quality] = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: settings, seed, versions, seconds, device."""
    plateau: Optional[Plateau] = None
    """Voxels of one value; elsewhere than on voxels, it is that of the nearest one which counts."""
    corrections: Optional[Corrections] = None
    """Added on voxels alone, before integers are rounded; between voxels they say nothing."""
    blanked: bool = False
    """Whether voxels that are not valid are hidden, as VTK blanks points and cells out."""
    block: str = ""
    """Which block of a composite data set the array belongs to, its levels divided by "/"."""
    mesh: Optional[OnMesh] = None
    """Where the array's own samples lie, if not on the grid: quality is measured, and bytes are counted, there."""
    bricks: tuple[Brick, ...] = ()
    """What a field of a BricksSpec is made of; masks, plateau and corrections are then theirs."""
    adds_to: Optional[NeuralField] = field(default=None, compare=False, repr=False)
    """An earlier field of the same file, to whose values, its plateau and its corrections left out, those of this one
    are added: of these, normalised -1 and 1 then stand for half of the range, below and above 0."""

    @property
    def full_name(self) -> str:
        """The array's name, with that of its block before it where it has one."""
        return f"{self.block}/{self.name}" if self.block else self.name

    def parameters(self) -> int:
        """Numbers that are stored and not zero: what the thesis counts."""
        if self.bricks:
            return sum(brick.open().parameters() for brick in self.bricks)
        return int(sum(int(np.count_nonzero(a.values())) for a in self.arrays.values()))

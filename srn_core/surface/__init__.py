"""Where the surfaces of given values lie in a neural field: the blocks of a grid that have to be decoded for them."""

from srn_core.surface.blocks import SurfaceBlock, SurfaceBlocks
from srn_core.surface.gradients import surface_gradient

__all__ = ["SurfaceBlock", "SurfaceBlocks", "surface_gradient"]

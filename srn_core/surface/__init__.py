"""Where the surfaces of given values lie in a neural field: the blocks of a grid that have to be decoded for them."""

from srn_core.surface.blocks import SurfaceBlock, SurfaceBlocks

__all__ = ["SurfaceBlock", "SurfaceBlocks"]

"""The settings that say on what grid to decode: the same for all algorithms that have them."""

from __future__ import annotations

from srn_filters.algorithm import NeuralAlgorithm, setting, text
from srn_filters.decoded_grid import Fineness


class SamplingSettings(NeuralAlgorithm):
    """The settings of fineness and region."""

    _mode, _scale, _whole = "Scale", 1.0, True
    _dims, _spacing, _region = (0, 0, 0), (0.0, 0.0, 0.0), (0, 0, 0, 0, 0, 0)

    SetSampling = setting("_mode", text)
    SetScale = setting("_scale", float)
    SetDims = setting("_dims", lambda x, y, z: (int(x), int(y), int(z)))
    SetSpacing = setting("_spacing", lambda x, y, z: (float(x), float(y), float(z)))
    SetWholeVolume = setting("_whole", bool)
    SetRegion = setting("_region", lambda *ends: tuple(int(e) for e in ends))

    def fineness(self) -> Fineness:
        """As the panel says."""
        return Fineness(self._mode, self._scale, self._dims, self._spacing, None if self._whole else self._region)

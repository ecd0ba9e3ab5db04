"""Making a network's file as large as was asked: what is cut, and how finely the rest is stored."""

from srn_core.fitting.cutting import Cutting, empty_copy
from srn_core.fitting.landing import land
from srn_core.fitting.storage import Precision, Storage
from srn_core.fitting.targets import BytesTarget, ParameterTarget, Target, target_of

__all__ = [
    "BytesTarget",
    "Cutting",
    "ParameterTarget",
    "Precision",
    "Storage",
    "Target",
    "empty_copy",
    "land",
    "target_of",
]

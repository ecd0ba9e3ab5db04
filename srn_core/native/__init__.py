"""Inner loops of the entropy coder, the wavelet transform and interpolation in C.

What is coded and transformed has the same bits as by the Python that they stand for, and takes a fraction of the time.

``tools/compile_native.py`` makes the library when the product is installed, where there is a C compiler. Without it
everything works all the same. ``SRN_NO_COMPILER=1`` in the environment leaves it aside.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Optional

VERSION = 2
"""Of the functions; a library that says another one was left behind by another release."""
FOLDER = Path(__file__).parent

_SIZE, _PLACE = ctypes.c_int64, ctypes.c_void_p
_FUNCTIONS = {
    "srn_contexts": (_SIZE, [_PLACE] * 19),
    "srn_transform": (
        ctypes.c_int,
        [_PLACE, _PLACE, _PLACE, _SIZE, _SIZE, _PLACE, _PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _SIZE],
    ),
    "srn_at_points": (None, [_PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _PLACE, _PLACE, _PLACE]),
    "srn_summed_around": (None, [_PLACE, _SIZE, _SIZE, _PLACE, _PLACE]),
    "srn_remember": (_SIZE, [_PLACE] * 7),
    "srn_decode_adaptive": (
        ctypes.c_int,
        [_PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _SIZE, _SIZE, _PLACE, _SIZE, _PLACE],
    ),
    "srn_encode_adaptive": (
        ctypes.c_int,
        [_PLACE, _PLACE, _SIZE, _SIZE, _SIZE, _PLACE, _SIZE, _PLACE, _PLACE, _PLACE, _PLACE],
    ),
    "srn_decode_symbols": (
        ctypes.c_int,
        [_PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE],
    ),
    "srn_decode_bits": (ctypes.c_int, [_PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE]),
    "srn_encode": (_SIZE, [_PLACE, _PLACE, _SIZE, _SIZE, _PLACE, _PLACE]),
}


def file_name() -> str:
    """What the library is called on this system."""
    return "coder" + {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


@lru_cache(maxsize=1)
def library() -> Optional[ctypes.CDLL]:
    """The library, or None where it is not there, not for this machine, or not wanted."""
    path = FOLDER / file_name()
    if os.environ.get("SRN_NO_COMPILER") or not path.is_file():
        return None
    try:
        found = ctypes.CDLL(str(path))
        if found.srn_version() != VERSION:
            return None
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return found

"""``python -m srn_core.cli``."""

from __future__ import annotations

import sys

from srn_core.cli import main

if __name__ == "__main__":
    sys.exit(main())

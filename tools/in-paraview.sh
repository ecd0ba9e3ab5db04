#!/bin/sh
# Runs a script in the ParaView that prepare.sh found, with the environment's packages behind ParaView's own, and
# on a virtual display where there is no real one.
#
#   VENV=.venv sh tools/in-paraview.sh examples/demo.py volume.vti
set -eu

VENV=${VENV:-.venv}
pvpython=$(cat "$VENV/paraview")
SRN_SITE_PACKAGES=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
export SRN_SITE_PACKAGES

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname)" != Linux ]; then
    exec "$pvpython" "$@"
elif command -v xvfb-run >/dev/null 2>&1; then
    # The search for a free display begins at a number of our own: two that begin at the same one may both take it. A
    # server that resets itself after ParaView's first, probing connection may miss the next one: hence -noreset.
    exec xvfb-run -n $((1000 + $$ % 30000)) -a -s '-screen 0 1920x1200x24 -noreset' "$pvpython" "$@"
else
    exec "$pvpython" --force-offscreen-rendering "$@"
fi

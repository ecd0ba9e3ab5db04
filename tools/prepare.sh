#!/bin/sh
# Makes the environment that ParaView and this product share: finds (or installs) ParaView, makes a virtual
# environment with the Python of that ParaView, and installs the product in it, in versions that fit its NumPy.
#
#   VENV=.venv PVPYTHON=/path/to/pvpython TORCH='torch==2.13.0' EXTRAS=train,io,dev sh tools/prepare.sh
#
# What it found is left in $VENV/paraview (the path of pvpython).
set -eu

VENV=${VENV:-.venv}
EXTRAS=${EXTRAS:-train}
TORCH=${TORCH:-}

say() { printf 'prepare: %s\n' "$*" >&2; }
fail() { printf 'prepare: error: %s\n' "$*" >&2; exit 1; }

# --- as root or by a sudo that asks for no password; otherwise not at all ---

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root true || return 1
    say "apt-get install $*"
    [ -n "${apt_updated:-}" ] || as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || return 1
    apt_updated=1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# --- ParaView ---

find_paraview() {
    if [ -n "${PVPYTHON:-}" ]; then
        pvpython=$(command -v "$PVPYTHON") || fail "PVPYTHON=$PVPYTHON is not there or cannot be run"
        return
    fi
    pvpython=$(command -v pvpython || true)
    [ -z "$pvpython" ] || return 0
    apt_install paraview python3-paraview openmpi-bin libgl1-mesa-dri xvfb xauth ||
        fail "ParaView was not found. Install it (Debian, Ubuntu: apt install paraview python3-paraview xvfb;" \
            "elsewhere: www.paraview.org/download), or say where it is: make PVPYTHON=/path/to/bin/pvpython"
    pvpython=$(command -v pvpython) || fail "the installed ParaView has no pvpython"
}

find_display() {
    [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || return 0
    command -v xvfb-run >/dev/null 2>&1 || apt_install xvfb xauth libgl1-mesa-dri ||
        say "no display and no xvfb-run: pictures need one of them (Debian, Ubuntu: apt install xvfb)"
}

ask_paraview() {
    answer=$("$pvpython" -c '
import sys
try:
    from numpy import __version__ as numpy
except ImportError:
    numpy = "none"
print("answer", "%d.%d" % sys.version_info[:2], numpy, sys.base_prefix)' </dev/null 2>/dev/null | sed -n 's/^answer //p') ||
        true
    [ -n "$answer" ] || fail "$pvpython does not run: try it by hand with  $pvpython --version"
    version=${answer%% *}
    answer=${answer#* }
    numpy=${answer%% *}
    prefix=${answer#* }
}

# --- a Python of the same version that can make virtual environments ---

fits() {
    [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]
}

find_python() {
    python=
    for candidate in "$prefix/bin/python$version" "/usr/bin/python$version" "$(command -v "python$version" || true)" \
        "$(command -v python3 || true)" "$(dirname "$pvpython")/python$version"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && fits "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "this ParaView has Python $version, but no python$version was found to make an" \
        "environment with. Install one (conda create -n srn python=$version; uv python install $version; or your" \
        "system's package) and put it on PATH"
}

make_venv() {
    if [ -x "$VENV/bin/python" ] && fits "$VENV/bin/python"; then return 0; fi
    if [ -e "$VENV" ] && [ ! -f "$VENV/pyvenv.cfg" ]; then fail "$VENV is there, but is no virtual environment"; fi
    "$python" -c 'import venv, ensurepip' 2>/dev/null || apt_install "python$version-venv" ||
        fail "$python has no venv module (Debian, Ubuntu: apt install python$version-venv)"
    "$python" -m venv --clear "$VENV"
}

# --- packages ---

install_packages() {
    constraints=$VENV/constraints.txt
    : >"$constraints"
    # ParaView puts its own NumPy first on the path; every compiled package must load with that one.
    [ "$numpy" = none ] || echo "numpy==$numpy" >"$constraints"
    [ -z "$TORCH" ] || echo "$TORCH" >>"$constraints"
    say "Python $version of $pvpython, NumPy $numpy; installing into $VENV (the first time takes minutes)"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -c "$constraints" -e ".[$EXTRAS]"
}

find_paraview
find_display
ask_paraview
find_python
make_venv
install_packages
printf '%s\n' "$pvpython" >"$VENV/paraview"
say "ready"

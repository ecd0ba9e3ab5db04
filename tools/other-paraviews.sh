#!/bin/sh
# The whole way in other versions of ParaView: those of other Debian releases, each in a folder with a Debian of its own.
#
#   sudo sh tools/other-paraviews.sh out/paraviews trixie sid
#   sudo env MORE=python3-torch TESTS=tests/paraview sh tools/other-paraviews.sh out/paraviews trixie
#
# As root, on Debian or Ubuntu with mmdebstrap. A folder is made once (2.3 GB, some minutes) and used again; delete it to
# have the release's latest versions. Nothing outside of it is changed. docs/compatibility.md has the results.
set -eu

FOLDER=${1:-out/paraviews}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- trixie sid
TESTS=${TESTS:-tests/paraview/test_whole_way.py}
MORE=${MORE:-}
PACKAGES=ca-certificates,paraview,python3-paraview,python3-venv,xvfb,xauth,libgl1-mesa-dri,openmpi-bin
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt

say() { printf 'other-paraviews: %s\n' "$*" >&2; }
fail() { printf 'other-paraviews: error: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "only root may change into another root folder: sudo sh tools/other-paraviews.sh"
command -v mmdebstrap >/dev/null 2>&1 || fail "mmdebstrap is missing (Debian, Ubuntu: apt install mmdebstrap)"
mkdir -p "$FOLDER"
FOLDER=$(cd "$FOLDER" && pwd)
HERE=$(cd "$(dirname "$0")/.." && pwd)

mounted=
unmount() {
    for below in dev/shm sys proc; do
        [ -z "$mounted" ] || ! mountpoint -q "$mounted/$below" || umount "$mounted/$below"
    done
}
trap unmount EXIT

make_debian() {
    [ ! -x "$FOLDER/$1/usr/bin/pvpython" ] || return 0
    say "making $FOLDER/$1"
    # How this machine's apt reaches its archive: proxies, checks, retries.
    apt-config dump | grep -E '^Acquire::(http|https|Check|Retries|ForceIPv)' >"$FOLDER/apt.conf" || true
    echo 'APT::Install-Recommends "false"; Acquire::Languages "none";' >>"$FOLDER/apt.conf"
    mmdebstrap --quiet --variant=apt --aptopt="$FOLDER/apt.conf" \
        --include="$PACKAGES${MORE:+,$(echo "$MORE" | tr ' ' ',')}" "$1" "$FOLDER/$1"
}

inside() {
    suite=$1
    shift
    chroot "$FOLDER/$suite" env -u PYTHONPATH HOME=/root LC_ALL=C.UTF-8 PVPYTHON=/usr/bin/pvpython \
        sh -c 'cd /checkout && exec "$@"' sh "$@"
}

prepare() {
    unmount
    mounted=$FOLDER/$1
    unmount
    mkdir -p "$mounted/checkout" "$mounted/dev/shm"
    mount -t proc proc "$mounted/proc"
    mount -t sysfs -o ro sysfs "$mounted/sys"
    mount -t tmpfs tmpfs "$mounted/dev/shm"
    [ ! -f "$CERTIFICATES" ] || cp "$CERTIFICATES" "$mounted$CERTIFICATES"
    cp /etc/resolv.conf /etc/hosts "$mounted/etc/"
    (cd "$HERE" && tar -cf - --exclude=./.git --exclude=./.venv --exclude=./out --exclude=./dist .) |
        tar -xf - --no-same-owner -C "$mounted/checkout"
    # ParaView here is the system's, and so is its NumPy: pip leaves it, and adds what decodes.
    inside "$1" python3 -m venv --system-site-packages .venv
    inside "$1" .venv/bin/python -m pip install --quiet --disable-pip-version-check -e . pytest hypothesis pillow
    inside "$1" .venv/bin/srn doctor --paraview /usr
}

failed=
for suite; do
    make_debian "$suite"
    prepare "$suite"
    # shellcheck disable=SC2086  # several words on purpose
    if inside "$suite" .venv/bin/python -m pytest -q -p no:cacheprovider $TESTS; then
        say "$suite: passed"
    else
        failed="$failed $suite"
    fi
done
[ -z "$failed" ] || fail "failed in:$failed"

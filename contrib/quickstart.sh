#!/bin/sh
# From a fresh Debian 12 to messages that flow: install what is needed, build
# into build/quickstart, start meshsup with the embedded broker in a directory
# of its own, send messages between two sessions, kill their workers on the
# way, stop.  Can be run again at any time; it leaves the build, and nothing
# that runs.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=contrib/packages.sh
. "$top/contrib/packages.sh"

say "meshsup quickstart: install, build, run"
# shellcheck disable=SC2086 # words on purpose
need_packages $BUILD_PACKAGES python3-minimal

build=$top/build/quickstart
prefix=$build-installed
say "building in $build"
mkdir -p "$top/build"
build_tree "$top" "$build" --prefix="$prefix"
make -C "$build" install >>"$build.log" 2>&1 ||
    die "make install failed; its output is in $build.log"

say "running $prefix/bin/meshsup"
exec /usr/bin/python3 "$top/contrib/quickstart.py" "$prefix/bin/meshsup"

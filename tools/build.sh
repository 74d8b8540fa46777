#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures (again, when files or floors changed) and builds everything, or what TARGETS names.
#   [CC=clang] [JOBS=N] [TARGETS='a b'] tools/build.sh BUILD [meson options]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
shift
cd "$root"
export CC=${CC:-gcc}
command -v ccache >/dev/null && [[ $CC != ccache* ]] && export CC="ccache $CC"
stamp="$(python3 tools/rooms.py stamp .) $(pkg-config --modversion cmocka 2>/dev/null || echo none)"
read -r -a targets <<<"${TARGETS:-}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [[ ! -f $build/build.ninja ]]; then
	echo "build: configuring $build"
	meson setup "$build" "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; exit 1; }
elif [[ $(cat "$build/rooms.stamp" 2>/dev/null) != "$stamp" ]]; then
	meson setup --reconfigure "$build" "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; exit 1; }
fi
echo "$stamp" >"$build/rooms.stamp"
if [[ -t 1 ]]; then
	ninja -C "$build" ${JOBS:+-j$JOBS} "${targets[@]}"
else
	ninja -C "$build" ${JOBS:+-j$JOBS} "${targets[@]}" >"$log" 2>&1 || { grep -vE '^\[[0-9]+/[0-9]+\]' "$log" | head -n 60 >&2; exit 1; }
	tail -n 1 "$log"
fi

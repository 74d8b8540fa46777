#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make demo` where people run it: blanks and relative names, a deep path, two side by side, an interruption, everything killed.   tests/demo.sh BUILD
set -uo pipefail
build=$(cd "$1" && pwd)
demo=$(cd "$(dirname "$0")/.." && pwd)/tools/demo.sh
work=$(mktemp -d /tmp/demo.XXXXXX)
failed=0
unset DAOS_AGENT_DRPC_DIR
if [[ ! -w /dev/fuse ]]; then
	echo "not looked at: no /dev/fuse that this user may open"
	exit 0
fi
blanks="$work/with two blanks"
deep=$work/$(printf 'deep/%.0s' $(seq 20))store
end() {
	for d in "$blanks" "$deep" "$work/third"; do [[ -d $d ]] && "$demo" stop "$d" "$build" >/dev/null 2>&1; done
	rm -rf "$work" "${TMPDIR:-/tmp}/daos-$(id -u)-$(printf '%s' "$deep" | cksum | cut -d ' ' -f 1)"
}
trap end EXIT
wrong() { echo "FAILED: $*"; tail -n 15 "$work/out"; failed=$((failed + 1)); }
mkdir "$work/src"
for i in $(seq 30); do head -c $((i * 997)) /dev/urandom >"$work/src/$i"; done
start() { timeout 120 "$demo" start "$1" "$build" "$work/src" >"$work/out" 2>&1 </dev/null || wrong "start in $1"; }
stop() { timeout 60 "$demo" stop "$1" "$build" >"$work/out" 2>&1 || wrong "stop in $1"; }
servers() { awk '$1 == "pid" {print $2}' "$1/daos_server.state" 2>/dev/null; }
nothing_runs() { for p in $(servers "$1"); do kill -0 "$p" 2>/dev/null && wrong "process $p still runs after $2"; done; ! grep -qF "${1// /\\040}/mnt" /proc/mounts || wrong "still mounted after $2"; }

cd "$work" || exit 1
start "with two blanks"
start "$deep" # the second beside the first
diff -r "$work/src" "$blanks/mnt/src" >"$work/out" || wrong "the copy in a directory with blanks differs"
diff -r "$work/src" "$deep/mnt/src" >"$work/out" || wrong "the copy in a deep directory differs"
stop "$deep"
nothing_runs "$deep" "a stop"
echo kept >"$blanks/mnt/kept"
# Everything dies at once: server, engine, mount.
for p in $(servers "$blanks") $(pgrep -f "^$build/src/dfuse --mountpoint $blanks/mnt"); do kill -9 "$p"; done
start "with two blanks"
[[ $(cat "$blanks/mnt/kept") == kept ]] || wrong "what was written before everything died is gone"
stop "$blanks"
nothing_runs "$blanks" "a stop"
# Interrupted in the middle.
timeout -s INT 1.5 "$demo" start "$work/third" "$build" /usr/include >"$work/out" 2>&1 </dev/null
nothing_runs "$work/third" "an interruption"
grep -q 'Interrupted' "$work/out" || wrong "the interruption is not told"
start "$work/third"
stop "$work/third"
echo "$failed failed"
[[ $failed -eq 0 ]]

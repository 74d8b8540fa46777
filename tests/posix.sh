#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What POSIX says, asked of real mounts: random operations over two mounts of one container against a model in memory, with and without
# caching; races; the corners.   tests/posix.sh BUILD [OPERATIONS [SEED]]
# OPERATIONS alternate over the two mounts (100000, half of them without caching), and a quarter as many go to one alone; a mismatch
# prints its seed and operation: posix_model DIR DIR --seed S --ops N does the same again.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/store.bash"
operations=${2:-100000}
seed=${3:-1}
[[ -c /dev/fuse && $(id -u) -eq 0 ]] || { echo "skipped: needs /dev/fuse and root (owners of files)"; exit 0; }
store_begin posix "$1"
chmod 755 "$work" # other users act, too

programs() {
	local flags=(-std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror)
	cc "${flags[@]}" "$here"/posix_model.c "$here"/posix_tree.c "$here"/posix_look.c -o "$work/posix_model" &&
		cc "${flags[@]}" "$here"/posix_races.c -o "$work/posix_races" &&
		cc "${flags[@]}" "$here"/posix_edges.c -o "$work/posix_edges"
}

remount() { # container, options
	for dir in "$work"/a "$work"/b; do
		if mountpoint -q "$dir"; then store_umount "$dir" || return 1; fi
	done
	store_mount "$work/a" "$@" && store_mount "$work/b" "$@"
}

check "helpers compile" programs
"$bin/daos" container create --type POSIX --chunk-size=16KiB tank small >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }

echo "== two mounts, close-to-open"
check "mounts" remount small
check "$((operations / 2)) operations" "$work/posix_model" "$work/a" "$work/b" --reopen --mapping --seed "$seed" --ops $((operations / 2))
check "races" "$work/posix_races" "$work/a" "$work/b"
check "corners" "$work/posix_edges" "$work/a" "$work/b"
echo "== two mounts without caching"
check "mounts" remount small --disable-caching
check "$((operations / 2)) operations" "$work/posix_model" "$work/a" "$work/b" --seed $((seed + 1)) --ops $((operations / 2))
check "races" "$work/posix_races" "$work/a" "$work/b"
check "corners" "$work/posix_edges" "$work/a" "$work/b" --names 500
find "$work/b" -printf '%i %m %n %U %G %s %T@ %P\n' 2>/dev/null | sort >"$work/before"
echo "== one mount that may cache"
check "umount" store_umount "$work/b"
check "umount" store_umount "$work/a"
check "mount" store_mount "$work/a" small
sleep 1.2
same_after_remount() {
	find "$work/a" -printf '%i %m %n %U %G %s %T@ %P\n' 2>/dev/null | sort >"$work/after"
	[[ $(wc -l <"$work/before") -gt 10000 ]] && diff "$work/before" "$work/after" | head -n 20 | (! grep .)
}
check "inode numbers, attributes and times are as before" same_after_remount
check "$((operations / 4)) operations" "$work/posix_model" "$work/a" --mapping --seed $((seed + 2)) --ops $((operations / 4))
check "races" "$work/posix_races" "$work/a" "$work/a"
check "corners" "$work/posix_edges" "$work/a" "$work/a" --names 500

verdict

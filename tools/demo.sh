#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A store before your eyes: start, pool, container, mount, a real tree copied and compared, a crash, compared again.
#   tools/demo.sh start DIR BUILD [SRC]      tools/demo.sh stop DIR BUILD
set -euo pipefail
verb=$1
dir=$2
build=$(cd "$3" && pwd)
src=${4:-/usr/include/linux}
[[ -n $src ]] || src=/usr/include/linux
bin=$build/src
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
mnt=$dir/mnt
# Paths of sockets end at 107 bytes: below a deep DIR they lie elsewhere, found again by the name.
sockets=$dir/run
[[ ${#sockets} -le 72 ]] || sockets=${TMPDIR:-/tmp}/daos-$(id -u)-$(printf '%s' "$dir" | cksum | cut -d ' ' -f 1)
export DAOS_AGENT_DRPC_DIR=$sockets
say() { printf '%s\n' "$*"; }

begun=$EPOCHREALTIME
step() { # name, command...: runs it and says how long it took
	local name=$1 from=$EPOCHREALTIME
	shift
	printf '  %-46s ' "$name"
	if ! "$@" >"$dir/demo.log" 2>&1; then
		printf 'FAILED\n'
		sed 's/^/      /' "$dir/demo.log"
		exit 1
	fi
	printf '%6.2f s\n' "$(bc_minus "$EPOCHREALTIME" "$from")"
}
bc_minus() { awk -v a="${1/,/.}" -v b="${2/,/.}" 'BEGIN {print a - b}'; }

# The server that the state file names, if it still is one.
server_pid() {
	local pid
	pid=$(awk '$1 == "pid" {print $2; exit}' "$dir/daos_server.state" 2>/dev/null) || return 1
	[[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == daos_server ]] && echo "$pid"
}
mounted() { awk -v m="${mnt// /\\\\040}" '$2 == m && $3 ~ /^fuse/ {found = 1} END {exit !found}' /proc/mounts; }

stop_all() {
	local pid
	if mounted; then fusermount3 -u "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt" || true; fi
	if pid=$(server_pid); then
		kill -TERM "$pid" 2>/dev/null || true
		for _ in $(seq 400); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		kill -0 "$pid" 2>/dev/null && { echo "the server of $dir (process $pid) does not end: kill -9 $pid"; return 1; }
	fi
	return 0
}
# Ctrl-C in the middle: what was begun is ended.
interrupted() {
	trap - INT TERM
	exec >&3 # a step's own output goes to its log
	say ""
	say "Interrupted: stopping what was started in $dir."
	stop_all
	exit 130
}

start_server() {
	if server_pid >/dev/null && "$bin/dmg" system query >/dev/null 2>&1; then return 0; fi
	setsid "$bin/daos_server" start --dir "$dir" -d "$sockets" --detach </dev/null 3>&-
}

make_pool() { "$bin/dmg" pool query demo >/dev/null 2>&1 || "$bin/dmg" pool create demo; }
make_cont() { "$bin/daos" container query demo home >/dev/null 2>&1 || "$bin/daos" container create demo home --type POSIX; }
mount_it() {
	# What a crash left: a mount that nobody serves.
	if mounted && ! ls "$mnt" >/dev/null 2>&1; then fusermount3 -u -z "$mnt" || true; fi
	mkdir -p "$mnt"
	mounted || "$bin/dfuse" --mountpoint "$mnt" --pool demo --container home 3>&-
}
tree=$(basename "$src")
copy_tree() { rm -rf "${mnt:?}/$tree" && cp -r "$src" "$mnt/$tree"; }
compare_tree() {
	diff <(cd "$src" && find . -type f -print0 | sort -z | xargs -0 sha256sum) \
		<(cd "$mnt/$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}
crash_engine() { # while somebody writes
	local pid writer
	pid=$(awk '$1 == "engine" {at = 1} at && $1 == "pid" {print $2; exit}' "$dir/daos_server.state")
	[[ -n $pid ]] || { echo "no engine of $dir is running"; return 1; }
	(for i in $(seq 200); do echo "line $i" >>"$mnt/written-during-the-crash"; done) &
	writer=$!
	kill -9 "$pid"
	wait "$writer"
	[[ $(wc -l <"$mnt/written-during-the-crash") -eq 200 ]] || { echo "lines are missing after the crash"; return 1; }
	rm "$mnt/written-during-the-crash"
}

case $verb in
start)
	exec 3>&1
	trap interrupted INT TERM
	say "A store in $dir"
	step "start the server, format what is new" start_server
	step "pool demo" make_pool
	step "POSIX container home" make_cont
	step "mount at $mnt" mount_it
	step "copy $src ($(find "$src" -type f | wc -l) files)" copy_tree
	step "compare checksums" compare_tree
	step "kill -9 the engine in mid-write, restarted" crash_engine
	step "compare checksums again" compare_tree
	say ""
	"$bin/dmg" pool query demo
	"$bin/dmg" system query
	say ""
	say "It runs and is mounted; all of it took $(printf '%.1f' "$(bc_minus "$EPOCHREALTIME" "$begun")") s."
	say "  use it:      ls ${mnt@Q}/$tree"
	say "  talk to it:  export DAOS_AGENT_DRPC_DIR=${sockets@Q}; $bin/dmg pool list"
	say "  stop it:     make demo-stop DIR=${dir@Q}     (the data stays; make demo finds it again)"
	;;
stop)
	stop_all
	say "Stopped; the data stays in $dir."
	;;
*)
	echo "usage: tools/demo.sh start|stop DIR BUILD [SRC]" >&2
	exit 2
	;;
esac

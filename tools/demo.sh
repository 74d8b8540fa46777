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
export DAOS_AGENT_DRPC_DIR=$dir/run
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

server_pid() { [[ -f $dir/demo.pid ]] && kill -0 "$(cat "$dir/demo.pid")" 2>/dev/null && cat "$dir/demo.pid"; }
mounted() { grep -qs " $mnt fuse" /proc/mounts; }

start_server() {
	if server_pid >/dev/null; then return 0; fi
	"$bin/daos_server" start --dir "$dir" >>"$dir/demo.server.log" 2>&1 </dev/null &
	echo $! >"$dir/demo.pid"
	disown
	for _ in $(seq 300); do
		"$bin/dmg" system query >/dev/null 2>&1 && return 0
		server_pid >/dev/null || { tail -n 5 "$dir/demo.server.log"; return 1; }
		sleep 0.1
	done
	tail -n 5 "$dir/demo.server.log"
	return 1
}

make_pool() { "$bin/dmg" pool query demo >/dev/null 2>&1 || "$bin/dmg" pool create demo; }
make_cont() { "$bin/daos" container query demo home >/dev/null 2>&1 || "$bin/daos" container create demo home --type POSIX; }
mount_it() {
	mkdir -p "$mnt" 2>/dev/null || { fusermount3 -u -z "$mnt" || true; mkdir -p "$mnt"; }
	mounted || "$bin/dfuse" --mountpoint "$mnt" --pool demo --container home
}
tree=$(basename "$src")
copy_tree() { rm -rf "${mnt:?}/$tree" && cp -r "$src" "$mnt/$tree"; }
compare_tree() {
	diff <(cd "$src" && find . -type f -print0 | sort -z | xargs -0 sha256sum) \
		<(cd "$mnt/$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}
crash_engine() { # while somebody writes
	local pid writer
	pid=$(pgrep -f "daos_engine .*-s $dir/" | head -n 1)
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
	say "  use it:      ls $mnt/$tree"
	say "  talk to it:  export DAOS_AGENT_DRPC_DIR=$dir/run; $bin/dmg pool list"
	say "  stop it:     make demo-stop DIR=$dir     (the data stays; make demo finds it again)"
	;;
stop)
	if mounted; then fusermount3 -u "$mnt" || fusermount3 -u -z "$mnt"; fi
	if pid=$(server_pid); then
		kill -TERM "$pid"
		for _ in $(seq 400); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		kill -0 "$pid" 2>/dev/null && { echo "the server of $dir (process $pid) does not end: kill -9 $pid"; exit 1; }
	fi
	rm -f "$dir/demo.pid"
	say "Stopped; the data stays in $dir."
	;;
*)
	echo "usage: tools/demo.sh start|stop DIR BUILD [SRC]" >&2
	exit 2
	;;
esac

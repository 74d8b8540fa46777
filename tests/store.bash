# SPDX-License-Identifier: Apache-2.0
# For end-to-end tests, to be sourced: a store of their own below $work, mounts of it, and an end that leaves nothing behind.
#   store_begin NAME BUILD   work, bin, store; a server, a pool `tank`; everything goes at the end of the script
#   store_container NAME     of layout POSIX
#   store_mount DIR CONT OPTION...   store_umount DIR   store_kill_engine
#   check NAME COMMAND...    runs it, says how long it took, shows what it printed if it failed

store_begin() {
	build=$(cd "$2" && pwd)
	bin=$build/src
	work=$(mktemp -d "/tmp/$1.XXXXXX")
	store=$work/store
	mounts=()
	checks=0
	failed=0
	export DAOS_AGENT_DRPC_DIR=$store/run
	trap store_end EXIT
	trap 'exit 1' INT TERM HUP
	mkdir "$store"
	"$bin/daos_server" start --dir "$store" -t 2 --detach >"$work/server.log" 2>&1 || { cat "$work/server.log"; exit 1; }
	"$bin/dmg" pool create --size="${STORE_SIZE:-4GiB}" tank >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
}

store_end() {
	local status=$? pid
	trap - EXIT
	cd /
	for pid in $(jobs -p); do kill -9 "$pid" 2>/dev/null; done
	for dir in "${mounts[@]}"; do fusermount3 -u -q -z "$dir" 2>/dev/null; done
	for dir in "${mounts[@]}"; do store_wait_dfuse "$dir"; done
	timeout 60 "$bin/daos_server" stop --dir "$store" >/dev/null 2>&1
	if [[ -n ${STORE_KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
	exit $status
}

# The dfuse of a mount point; empty: none.
store_dfuse_pid() { pgrep -f "^$bin/dfuse .*--mountpoint $1( |\$)" | head -n 1; }

store_wait_dfuse() {
	for _ in $(seq 200); do [[ -z $(store_dfuse_pid "$1") ]] && return 0; sleep 0.05; done
	kill -9 "$(store_dfuse_pid "$1")" 2>/dev/null
	return 1
}

store_container() { "$bin/daos" container create --type POSIX tank "$1" >"$work/out" 2>&1 || { cat "$work/out"; return 1; }; }

store_mount() { # directory, container, options of dfuse
	local dir=$1 cont=$2
	shift 2
	mkdir -p "$dir"
	mounts+=("$dir")
	"$bin/dfuse" --mountpoint "$dir" --pool tank --container "$cont" "$@" >"$work/out" 2>&1 || { cat "$work/out"; return 1; }
}

store_umount() {
	fusermount3 -u "$1" || { fusermount3 -u -z "$1"; return 1; }
	store_wait_dfuse "$1"
}

store_kill_engine() {
	local pid
	pid=$(pgrep -f "daos_engine .*-s $store/" | head -n 1)
	[[ -n $pid ]] || { echo "no engine of $store is running"; return 1; }
	kill -9 "$pid"
}

check() { # name, command...
	local name=$1 begun=$EPOCHREALTIME status
	shift
	checks=$((checks + 1))
	"$@" >"$work/log" 2>&1 </dev/null
	status=$?
	if [[ $status -eq 0 ]]; then
		printf '  ok      %-66s %6.1f s\n' "$name" "$(awk -v a="${EPOCHREALTIME/,/.}" -v b="${begun/,/.}" 'BEGIN {print a - b}')"
	else
		echo "  FAILED  $name (status $status)"
		tail -n 30 "$work/log" | cut -c1-300 | sed 's/^/          /'
		failed=$((failed + 1))
	fi
	return 0
}

verdict() {
	echo "$checks checks, $failed failed"
	[[ $failed -eq 0 ]]
}

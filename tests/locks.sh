#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Locks (fcntl, flock) over two real mounts of one container: exclusion, waits, interrupts, deadlocks, sums under a lock; a mount that is killed,
# one that was stopped beyond its lease, an engine that is killed.   tests/locks.sh BUILD
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/store.bash"
[[ -c /dev/fuse ]] || { echo "skipped: needs /dev/fuse"; exit 0; }
store_begin locks "$1"
a=$work/a b=$work/b
py() { timeout 120 python3 "$here/locks.py" "$@"; }

sum() { # kind, rounds, pause, what happens meanwhile...
	local kind=$1 rounds=$2 pause=$3 pids=() pid
	shift 3
	echo 0 >"$a/sum"
	for mount in "$a" "$b" "$a" "$b"; do
		py count "$mount/sum" "$kind" "$rounds" "$pause" &
		pids+=($!)
	done
	"$@" || return 1
	for pid in "${pids[@]}"; do wait "$pid" || return 1; done
	for mount in "$a" "$b"; do
		[[ $(tr -d ' ' <"$mount/sum") -eq $((4 * rounds)) ]] || { echo "$kind: $(cat "$mount/sum") instead of $((4 * rounds))"; return 1; }
	done
}

holder() { # name, file, kind: in the background, until the other end of its pipe closes
	mkfifo "$work/$1.in"
	python3 "$here/locks.py" hold "$2" "$3" <"$work/$1.in" >"$work/$1.out" 2>&1 &
	holder_pid=$!
	exec 7>"$work/$1.in"
	rm "$work/$1.in"
}
wait_held() { for _ in $(seq "$2"); do grep -q held "$work/$1.out" && return 0; sleep 0.1; done; echo "$1 does not get the lock"; return 1; }

mount_killed() { # the dfuse of $b dies with a lock: $a gets it when the lease is over
	holder victim "$b/killed" fcntl
	wait_held victim 50 || return 1
	kill -9 "$(store_dfuse_pid "$b")"
	timeout 20 python3 "$here/locks.py" hold "$a/killed" fcntl </dev/null || return 1
	exec 7>&-
	kill -9 "$holder_pid" 2>/dev/null
	fusermount3 -u -q -z "$b"
	store_mount "$b" files
}

zombie() { # $b is stopped beyond its lease with a lock; $a takes it and writes; what comes from $b then must not
	local pid status
	pid=$(store_dfuse_pid "$b")
	echo before >"$a/zombie"
	mkfifo "$work/writer.in"
	python3 "$here/locks.py" writer "$b/zombie" <"$work/writer.in" >"$work/writer.out" 2>&1 &
	holder_pid=$!
	exec 7>"$work/writer.in"
	wait_held writer 50 || return 1
	kill -STOP "$pid"
	timeout 20 flock -x "$a/zombie" sh -c "echo after >'$a/zombie'"
	status=$?
	kill -CONT "$pid"
	[[ $status -eq 0 ]] || { echo "the lock does not pass on: $status"; return 1; }
	exec 7>&-
	wait "$holder_pid"
	status=$?
	[[ $status -eq 3 ]] || { echo "who lost the lock and writes ends with $status"; cat "$work/writer.out"; return 1; }
	[[ $(cat "$a/zombie") == after && $(cat "$b/zombie") == after ]] || { echo "written: $(cat "$a/zombie")"; return 1; }
	flock -x "$b/zombie" sh -c "echo again >'$b/zombie'" && [[ $(cat "$a/zombie") == again ]]
}

engine_killed() { # a lock is still held afterwards, and a wait still waits
	holder first "$a/engine" flock
	wait_held first 50 || return 1
	local keeper=$holder_pid
	python3 "$here/locks.py" hold "$b/engine" flock 7>&- </dev/null >"$work/second.out" 2>&1 &
	local waiter=$!
	sleep 0.3
	store_kill_engine || return 1
	ls "$b" >/dev/null || return 1
	sleep 1
	if grep -q held "$work/second.out"; then echo "two have it"; return 1; fi
	if flock -n "$b/engine" true; then echo "three have it"; return 1; fi
	exec 7>&-
	wait "$keeper" && wait_held second 100 && wait "$waiter"
}

kill_while_counting() { sleep 0.5; store_kill_engine && sleep 3 && store_kill_engine; }

check "container" store_container files
check "mounts" store_mount "$a" files
check "a second mount comes in" store_mount "$b" files
for what in exclusion grant interrupt deadlock; do check "$what" py "$what" "$a" "$b"; done
for kind in fcntl flock; do check "sum under $kind" sum "$kind" 100 0 true; done
check "sum under fcntl while the engine dies twice" sum fcntl 100 0.05 kill_while_counting
check "a lock outlives the engine" engine_killed
check "a killed mount lets go within its lease" mount_killed
check "a mount that was stopped too long is fenced" zombie
for what in exclusion grant; do check "$what again" py "$what" "$a" "$b"; done
verdict

# SPDX-License-Identifier: Apache-2.0
# What the scripts in bench/ share; they source it. tools/bench.sh runs them as   bench/NAME.sh BUILD WORK
# with WORK a fresh directory on the disk that is measured, and these in the environment:
#   BENCH_ROUNDS    rounds of each comparison (median; at least 3)
#   BENCH_SECONDS   seconds of each measurement
#   BENCH_IDLE      seconds that the idle store is looked at
# A script prints lines with `figure`; it ends with a status other than 0 only when something could not be measured.
# shellcheck shell=bash
build=$(cd "$1" && pwd)
work=$(cd "$2" && pwd)
bin=$build/src
rounds=${BENCH_ROUNDS:-3}
seconds=${BENCH_SECONDS:-2}
stores=()
mounts=()

# figure NAME OURS REFERENCE|- BAR|-      BAR: ">=0.70" or "<=1.50", of ours / reference. The line of bench/report.h.
figure() {
	awk -v name="$1" -v ours="$2" -v ref="$3" -v bar="$4" 'BEGIN {
		ratio = "-"; word = "-"
		if (ref != "-" && ref + 0 != 0) {
			r = ours / ref
			ratio = sprintf("%.2f", r)
			ref = sprintf("%.2f", ref)
			if (bar != "-")
				word = (substr(bar, 1, 2) == ">=" ? r >= substr(bar, 3) + 0 : r <= substr(bar, 3) + 0) ? "ok" : "SHORT"
		}
		printf "%-46s %12.2f %12s %8s %8s  %s\n", name, ours, ref, ratio, bar, word
	}'
}

cannot() { # what could not be measured: said, and remembered for the status of the script
	printf '%-46s could not be measured: %s\n' "$1" "$2"
	bench_failed=1
}
bench_failed=0

median() { sort -g | awk '{v[NR] = $1} END {if (NR == 0) exit 1; print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
now() { date +%s.%N; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.6f\n", a - b}'; }

# A command that prints one number (its last word); nothing printed and status 1 when it fails.
number() {
	local out
	out=$(timeout 300 "$@" 2>"$work/err" </dev/null) || { tail -n 3 "$work/err" >&2; return 1; }
	awk 'NF {last = $NF} END {print last}' <<<"$out"
}

# alternate NAME BAR OURS -- REFERENCE: words of two commands that print a number each; medians of alternating rounds.
alternate() {
	local name=$1 bar=$2 ours=() ref=() i a b
	shift 2
	while [[ $1 != -- ]]; do ours+=("$1"); shift; done
	shift
	ref=("$@")
	: >"$work/ours"
	: >"$work/ref"
	for ((i = 0; i < rounds; i++)); do
		b=$(number "${ref[@]}") || { cannot "$name" "the reference fails"; return 0; }
		a=$(number "${ours[@]}") || { cannot "$name" "ours fails"; return 0; }
		echo "$a" >>"$work/ours"
		echo "$b" >>"$work/ref"
	done
	figure "$name" "$(median <"$work/ours")" "$(median <"$work/ref")" "$bar"
}

# against NAME REFERENCE|- BAR|- OURS...: median of rounds against a number that stands fast.
against() {
	local name=$1 ref=$2 bar=$3 i a
	shift 3
	: >"$work/ours"
	for ((i = 0; i < rounds; i++)); do
		a=$(number "$@") || { cannot "$name" "it fails"; return 0; }
		echo "$a" >>"$work/ours"
	done
	figure "$name" "$(median <"$work/ours")" "$ref" "$bar"
}

# store_start DIR [file|ram [TARGETS]]: a store there, and DAOS_AGENT_DRPC_DIR of it. It is stopped when the script ends.
store_start() {
	local dir=$1 class=${2:-file} targets=${3:-2}
	mkdir -p "$dir"
	cat >"$dir/bench.yml" <<-EOF
		name: daos_server
		socket_dir: $dir/run
		control_log_file: $dir/server.log
		control_metadata:
		  path: $dir/meta
		engines:
		- targets: $targets
		  log_file: $dir/engine.log
		  storage:
		  - class: $class
		    scm_mount: $dir/storage
	EOF
	export DAOS_AGENT_DRPC_DIR=$dir/run
	stores+=("$dir")
	if [[ $class == ram ]]; then
		"$bin/daos_server" start -o "$dir/bench.yml" --auto-format --detach >"$dir/start.log" 2>&1
	else
		"$bin/daos_server" start --dir "$dir" -t "$targets" --detach >"$dir/start.log" 2>&1
	fi || { sed 's/^/    /' "$dir/start.log"; return 1; }
}

store_stop() { # DIR
	local dir=$1 pid
	pid=$(store_pids "$dir" | head -n 1)
	[[ -n $pid ]] || return 0
	kill -TERM "$pid" 2>/dev/null
	for _ in $(seq 300); do
		[[ -n $(store_pids "$dir") ]] || return 0
		sleep 0.1
	done
	for pid in $(store_pids "$dir"); do kill -KILL "$pid" 2>/dev/null; done
}

store_pids() { # DIR: server first, then its engines: processes whose command line names the directory
	local dir=$1 pid
	for pid in $(pgrep -x daos_server) $(pgrep -x daos_engine); do
		tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE -- "(^| |=)$dir(/| |\$)" && echo "$pid"
	done
}

store_mount() { # DIR POOL CONT [options of dfuse]: mounts at DIR/mnt
	local dir=$1 pool=$2 cont=$3
	shift 3
	mkdir -p "$dir/mnt"
	mounts+=("$dir/mnt")
	"$bin/dfuse" --mountpoint "$dir/mnt" --pool "$pool" --container "$cont" "$@" >"$dir/mount.log" 2>&1 ||
		{ sed 's/^/    /' "$dir/mount.log"; return 1; }
}

store_unmount() { # DIR
	grep -qs " $1/mnt fuse" /proc/mounts || return 0
	fusermount3 -u "$1/mnt" 2>/dev/null || fusermount3 -u -z "$1/mnt"
}

# Nanoseconds of processor time that processes have used.
cpu_ns() {
	local pid
	for pid in "$@"; do cat /proc/"$pid"/task/*/schedstat 2>/dev/null; done | awk '{sum += $1} END {printf "%.0f\n", sum}'
}

bench_end() {
	local mnt dir
	for mnt in "${mounts[@]}"; do store_unmount "${mnt%/mnt}"; done
	for dir in "${stores[@]}"; do store_stop "$dir"; done
}
trap 'bench_end' EXIT
trap 'exit 130' INT TERM

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The mount against a file system in memory behind the same FUSE session loop (bench/mount_reference.c), and against the disk's own file system.
#   bench/mount_bench.sh BUILD [DIR]      DIR: where the store lies and fio writes (default: a directory of its own in the working directory)
# ROUNDS=3 TARGETS= SIZE_MIB=512 ONLY=pattern. Ours and reference alternate; a figure is the median of its rounds. The last word is `ok`, or
# `SHORT` where the bar is not reached; the status is 1 then.
set -uo pipefail
build=$(cd "$1" && pwd)
bin=$build/src
work=$(mktemp -d "${2:-$PWD}/mount_bench.XXXXXX")
rounds=${ROUNDS:-3}
size=${SIZE_MIB:-512}
seconds=${SECONDS_EACH:-3}
files=${FILES:-1000}
only=${ONLY:-.}
store=$work/store
load=$bin/mount_load
short=0
mkdir -p "$store" "$work/ours" "$work/bare" "$work/reference" "$work/reference_bare" "$work/disk"
export DAOS_AGENT_DRPC_DIR=$store/run

reference_pids=()
end() {
	for m in ours bare reference reference_bare; do
		mountpoint -q "$work/$m" && fusermount3 -u -z "$work/$m"
	done
	"$bin/daos_server" stop --dir "$store" >/dev/null 2>&1
	for pid in "${reference_pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

need() { "$@" >"$work/log" 2>&1 || { echo "mount_bench: failed: $*"; tail -n 5 "$work/log"; exit 1; }; }
mount_reference() { # directory, option
	"$bin/mount_reference" "$work/$1" ${2:-} &
	reference_pids+=($!)
	for _ in $(seq 100); do mountpoint -q "$work/$1" && return 0; sleep 0.05; done
	echo "mount_bench: the reference does not mount"
	exit 1
}

need "$bin/daos_server" start --dir "$store" --detach ${TARGETS:+--targets "$TARGETS"}
need "$bin/dmg" pool create bench
need "$bin/daos" container create bench home --type POSIX
need "$bin/daos" container create bench plain --type POSIX
need "$bin/dfuse" "$work/ours" bench home
need "$bin/dfuse" --disable-caching "$work/bare" bench plain
mount_reference reference
mount_reference reference_bare --disable-caching

echo "mount_bench: $(nproc) cores, Linux $(uname -r), $(df --output=fstype "$work" | tail -n 1), rounds $rounds, seconds $seconds"
printf '%-44s %12s %12s %7s %6s\n' '# name' ours reference ratio bar

median() { sort -n | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
line() { # name bar, files of figures
	local ours reference
	ours=$(median <"$work/a")
	reference=$(median <"$work/b")
	awk -v n="$1" -v a="$ours" -v b="$reference" -v bar="$2" 'BEGIN {
		r = b > 0 ? a / b : 0
		printf "%-44s %12.0f %12.0f %7.3f %6s %s\n", n, a, b, r, bar, (r >= bar ? "ok" : "SHORT")
		exit r < bar
	}' || short=1
}
wanted() { [[ $1 =~ $only ]]; }
# name, bar, command for ours, command for the reference; @ in them is the round
compare() {
	wanted "$1" || return 0
	: >"$work/a"
	: >"$work/b"
	for round in $(seq "$rounds"); do
		eval "${3//@/$round}" >>"$work/a" || exit 1
		eval "${4//@/$round}" >>"$work/b" || exit 1
	done
	line "$1" "$2"
}

quiet() { "$@" >/dev/null || exit 1; }
made=
files_of_reads() {
	[[ -n $made ]] && return
	made=1
	quiet "$load" fill "$work/ours/data" "$size"
	quiet "$load" fill "$work/reference/data" "$size"
}

if wanted randread || wanted cached; then files_of_reads; fi
compare randread_4k_direct_depth16 0.4 "'$load' randread '$work/ours/data' 16 $seconds" "'$load' randread '$work/reference/data' 16 $seconds"
compare cached_read_4k 0.95 "'$load' cached '$work/ours/data' $seconds" "'$load' cached '$work/reference/data' $seconds"

# In one directory the kernel makes one name after another: that figure shows the time of one creation, the other how many go together.
make_dir() { mkdir "$1/d$2" && "$load" creates "$1/d$2" 8 "$files"; }
make_apart() { mkdir "$1/a$2" && "$load" creates_apart "$1/a$2" 8 "$files"; }
compare create_write64_close_8_processes 0.25 "make_apart '$work/ours' @" "make_apart '$work/reference' @"
compare create_one_directory_8_processes 0.25 "make_dir '$work/ours' @" "make_dir '$work/reference' @"

if wanted stat; then
	quiet make_dir "$work/bare" stats
	quiet make_dir "$work/reference_bare" stats
fi
compare stat_uncached_1_process 0.4 "'$load' stats '$work/bare/dstats' 1 $seconds $files" "'$load' stats '$work/reference_bare/dstats' 1 $seconds $files"
compare stat_uncached_8_processes 0.4 "'$load' stats '$work/bare/dstats' 8 $seconds $files" "'$load' stats '$work/reference_bare/dstats' 8 $seconds $files"

fio_mb() { # directory rw: MB/s
	fio --name=seq --directory="$1" --filename=seq.dat --rw="$2" --bs=1M --size="${size}M" --direct=1 --ioengine=libaio --iodepth=8 --end_fsync=1 \
		--fallocate=none --output-format=json 2>/dev/null | python3 -c "import json, sys
j = json.load(sys.stdin)['jobs'][0]['$2']
print(j['bw_bytes'] / 1e6)"
}
if wanted write || wanted seq_read; then
	quiet fio_mb "$work/ours" write
	quiet fio_mb "$work/disk" write
fi
compare write_1m_sequential_direct_vs_disk 0.45 "fio_mb '$work/ours' write" "fio_mb '$work/disk' write"
compare seq_read_1m_direct_vs_disk 0.8 "fio_mb '$work/ours' read" "fio_mb '$work/disk' read"
exit "$short"

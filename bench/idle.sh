#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A small store: how long a start takes until the first fetch, what it costs when nobody asks (server, engine and dfuse together), how much memory
# an empty engine has.
. "$(dirname "$0")/../tools/bench_lib.sh"
store=$work/store
client=$build/bench/store_client

engine_mib() { # VmRSS without pages of files
	local pid
	pid=$(store_pids "$store" | while read -r p; do [[ $(cat "/proc/$p/comm") == daos_engine ]] && echo "$p"; done)
	awk '/^RssAnon/ {printf "%.2f\n", $2 / 1024}' "/proc/$pid/status"
}

store_start "$store" file || { cannot "idle store" "no store"; exit 1; }
sleep 1
figure "empty engine: MiB of memory" "$(engine_mib)" 100 "<=1.00"
"$bin/dmg" pool create --size=1GiB p >/dev/null && "$client" p c fill 16 64 1 1000 >/dev/null &&
	"$bin/daos" container create --type=POSIX p home >/dev/null || { cannot "idle store" "no pool"; exit 1; }
figure "engine with a pool and 1000 keys: MiB" "$(engine_mib)" - -

: >"$work/starts"
for ((i = 0; i < rounds; i++)); do
	store_stop "$store"
	begin=$(python3 -c 'import time; print(time.clock_gettime(time.CLOCK_MONOTONIC))')
	"$bin/daos_server" start --dir "$store" -t 2 --detach >"$store/start.log" 2>&1 &
	end=$(number "$client" p c first 1 64 1) || { cannot "start to first fetch" "no fetch"; break; }
	wait $!
	minus "$end" "$begin" >>"$work/starts"
done
[[ -s $work/starts ]] && figure "start to first fetch, s" "$(median <"$work/starts")" 1 "<=1.00"

store_mount "$store" p home || { cannot "idle store" "no mount"; exit 1; }
echo hello >"$store/mnt/hello" && ls "$store/mnt" >/dev/null || { cannot "idle store" "no file"; exit 1; }
sleep 2
read -r -d '' -a pids < <(store_pids "$store"; pgrep -x dfuse | while read -r p; do
	tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF -- "$store/mnt" && echo "$p"; done) || true
before=$(cpu_ns "${pids[@]}")
from=$(now)
sleep "${BENCH_IDLE:-60}"
after=$(cpu_ns "${pids[@]}")
took=$(minus "$(now)" "$from")
((${#pids[@]} >= 3)) || cannot "idle store" "only ${#pids[@]} processes found"
figure "idle, mounted: % of a core, all processes" "$(awk -v a="$after" -v b="$before" -v t="$took" 'BEGIN {print (a - b) / t / 1e7}')" 1 "<=1.00"
exit "$bench_failed"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Class ram (volatile): operations of a client and an engine that share two cores. The reference of the first three is the bar itself; DAOS's
# published figures stand beside the others for orientation, without a bar.
. "$(dirname "$0")/../tools/bench_lib.sh"
store=$work/store
pin=()
if (($(nproc) > 2)); then
	pin=(taskset -c 0,1)
	taskset -p -c 0,1 $$ >/dev/null
fi
client=("${pin[@]}" "$build/bench/store_client")
store_start "$store" ram || { cannot "class ram" "no store"; exit 1; }
begin=$(now)
"$bin/dmg" pool create --size=1GiB p >/dev/null || { cannot "class ram" "no pool"; exit 1; }
took=$(minus "$(now)" "$begin")
"${client[@]}" p c fill 64 64 1 20000 >/dev/null || { cannot "class ram" "filling fails"; exit 1; }

against "ram 64 B updates/s, 1 in flight" 25000 ">=1.00" "${client[@]}" p c update 1 64 "$seconds"
against "ram 64 B updates/s, 64 in flight" 50000 ">=1.00" "${client[@]}" p c update 64 64 "$seconds"
against "ram 64 B fetches/s, 64 in flight" 70000 ">=1.00" "${client[@]}" p c fetch 64 64 "$seconds" 20000
against "ram 64 B updates/s, 1; DAOS" 14000 - "${client[@]}" p c update 1 64 "$seconds"
against "ram 64 B updates/s, 64; DAOS" 20500 - "${client[@]}" p c update 64 64 "$seconds"
against "ram 64 B fetches/s, 1; DAOS" 20000 - "${client[@]}" p c fetch 1 64 "$seconds" 20000
against "ram 64 B fetches/s, 64; DAOS" 63000 - "${client[@]}" p c fetch 64 64 "$seconds" 20000
against "ram 4 KiB extents written, 16, MiB/s; DAOS" 125 - "${client[@]}" p k write 16 4096 "$seconds" 4000
against "ram 4 KiB extents read, 16, MiB/s; DAOS" 226.6 - "${client[@]}" p k read 16 4096 "$seconds" 4000
against "ram 1 MiB extents written, 16, MiB/s; DAOS" 2400 - "${client[@]}" p m write 16 1048576 "$seconds" 100
against "ram 1 MiB extents read, 16, MiB/s; DAOS" 1600 - "${client[@]}" p m read 16 1048576 "$seconds" 100
rounds=1
against "ram dfs creates/s; DAOS" 11000 - "${client[@]}" p f create 1 1 1 2000
against "ram dfs stats/s; DAOS" 10000 - "${client[@]}" p f stat 1 1 1 2000
against "ram dfs removes/s; DAOS" 5600 - "${client[@]}" p f remove 1 1 1 2000
against "ram libdaos init + connect + open, ms; DAOS" 54 - "${client[@]}" p c connect 1 1 1
figure "ram pool create of 1 GiB, s; DAOS" "$took" 6 -
exit "$bench_failed"

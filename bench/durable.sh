#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Durable updates of 64 bytes through libdaos: one in flight against raw 4 KiB synchronous appends to the same disk, 64 in flight
# against RocksDB's synchronous puts from 64 threads. And what stands on them: extents, files.
. "$(dirname "$0")/../tools/bench_lib.sh"
store=$work/store
client=$build/bench/store_client
store_start "$store" file && "$bin/dmg" pool create --size=1GiB p >/dev/null || { cannot "durable updates" "no store"; exit 1; }
"$client" p c fill 16 64 1 2000 >/dev/null || { cannot "durable updates" "filling fails"; exit 1; }

alternate "durable 64 B updates/s, 1 in flight / DSYNC" ">=0.70" "$client" p c update 1 64 "$seconds" -- "$build/bench/dsync_append" "$work/raw" "$seconds"
alternate "durable 64 B updates/s, 64 / RocksDB 64 thr" ">=1.20" "$client" p c update 64 64 "$seconds" -- "$build/bench/rocksdb_put" "$work/rocks" 64 64 "$seconds"
against "durable 64 B fetches/s, 1 in flight" - - "$client" p c fetch 1 64 "$seconds" 2000
against "durable 64 B fetches/s, 64 in flight" - - "$client" p c fetch 64 64 "$seconds" 2000
against "durable 4 KiB extents written, 16, MiB/s" - - "$client" p c write 16 4096 "$seconds" 4000
against "durable 1 MiB extents written, 16, MiB/s" - - "$client" p c write 16 1048576 "$seconds" 100
against "1 MiB extents read, 16 in flight, MiB/s" - - "$client" p c read 16 1048576 "$seconds" 100
against "libdaos init + connect + open, ms" - - "$client" p c connect 1 1 1
exit "$bench_failed"

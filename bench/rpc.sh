#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Round trips between sleeping processes over the bare machine's.
. "$(dirname "$0")/../tools/bench_lib.sh"
"$build/bench/rpc_pingpong" "$((rounds > 5 ? rounds : 5))" 10000 || cannot "rpc" "rpc_pingpong fails"
exit "$bench_failed"

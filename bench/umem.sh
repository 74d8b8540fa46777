#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Durable transactions of the heap over synchronous writes to the same disk, with 1 and 64 committers.
. "$(dirname "$0")/../tools/bench_lib.sh"
"$build/bench/umem_commit" "$work" "$rounds" "$seconds" || cannot "umem" "umem_commit fails"
exit "$bench_failed"

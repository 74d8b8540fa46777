#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every decoder: builds src/*/fuzz with clang, coverage, ASan and UBSan, and runs each target for a while, two at a time.
#   tools/fuzz.sh BUILD [SECONDS=20] [TARGET...]      TARGET: as 'rpc.message_fuzz', or a room's name; none: all
# Seeds that lie beside a target (src/<room>/fuzz/<target>.seeds/) are where it begins; what it learns is kept in $FUZZ_DIR (default
# below /tmp) and used again. Inputs that break something are kept there too, with the command that replays them.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
[[ $# -ge 1 ]] || { sed -n '3,6s/^# *//p' "$0" >&2; exit 2; }
build=$1
seconds=${2:-20}
shift $(($# > 1 ? 2 : 1))
[[ $seconds =~ ^[0-9]+$ && $seconds -gt 0 ]] || { echo "fuzz: SECONDS is a number, not '$seconds'" >&2; exit 2; }
dir=${FUZZ_DIR:-/tmp/daos-fuzz-$(id -u)}
mkdir -p "$dir/corpus" "$dir/findings" || exit 1

everything=$(($# == 0))
targets=()
sources=()
while IFS='|' read -r name room _ source; do
	wanted=$(($# == 0))
	for word in "$@"; do [[ $word == "$name" || $word == "$room" ]] && wanted=1; done
	((wanted)) && { targets+=("$name"); sources+=("$source"); }
done < <(python3 tools/rooms.py fuzz .)
[[ ${#targets[@]} -gt 0 ]] || { echo "fuzz: no target called $*" >&2; exit 2; }

programs=
((everything)) && programs="src/daos src/dmg src/daos_server src/daos_engine src/dfuse src/daos_metrics"
CC=clang TARGETS="${targets[*]} $programs" tools/build.sh "$build" -Dfuzz=true -Db_sanitize=address,undefined -Doptimization=1 || exit 1

one() { # target, source: leaves its verdict in $dir/<target>.done
	local name=$1 seeds=${2%.c}.seeds dict=${2%.c}.dict corpus=$dir/corpus/$1 log=$dir/$1.log status=0 runs crash
	mkdir -p "$corpus"
	rm -f "$dir/$name.done"
	local options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 -verbosity=0
		-artifact_prefix="$dir/findings/$name-")
	[[ -f $dict ]] && options+=(-dict="$dict")
	[[ -d $seeds ]] || seeds=
	ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
		timeout -k 10 $((seconds + 120)) "$build/$name" "${options[@]}" "$corpus" ${seeds:+"$seeds"} >"$log" 2>&1 </dev/null || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	runs=${runs:-0}
	if [[ $status -eq 0 ]]; then
		printf '  ok      %-34s %10d runs, %5d inputs kept\n' "$name" "$runs" "$(find "$corpus" -type f | wc -l)"
	else
		printf '  FAILED  %-34s %10d runs (status %d)\n' "$name" "$runs" "$status"
		grep -E 'ERROR:|SUMMARY:|runtime error|rror: |^ *#[0-9]+ ' "$log" | head -n 14 | cut -c1-180 | sed 's/^/          /'
		crash=$(sed -n "s/.*Test unit written to //p" "$log" | tail -n 1)
		if [[ -n $crash ]]; then echo "          replay: $build/$name $crash"; else tail -n 5 "$log" | sed 's/^/          /'; fi
	fi
	echo "$runs $status" >"$dir/$name.done"
}

arguments() { # command lines of the programs, as a target of its own
	local name=cmd.arguments status=0 log=$dir/cmd.arguments.log runs
	python3 tools/fuzz_args.py "$build" "$seconds" $((RANDOM * 32768 + RANDOM)) >"$log" 2>&1 </dev/null || status=$?
	runs=$(sed -n 's/^arguments: .* \([0-9]*\) runs.*/\1/p' "$log")
	if [[ $status -eq 0 ]]; then
		printf '  ok      %-34s %10d runs\n' "$name" "${runs:-0}"
	else
		printf '  FAILED  %-34s %10d runs (status %d)\n' "$name" "${runs:-0}" "$status"
		head -n 40 "$log" | sed 's/^/          /'
		cp "$log" "$dir/findings/$name.log"
	fi
	echo "${runs:-0} $status" >"$dir/$name.done"
}

echo "fuzz: ${#targets[@]} targets, $seconds s each"
for i in "${!targets[@]}"; do
	while [[ $(jobs -rp | wc -l) -ge ${FUZZ_JOBS:-2} ]]; do wait -n; done
	one "${targets[i]}" "${sources[i]}" &
done
if ((everything)); then
	targets+=(cmd.arguments)
	arguments &
fi
wait
runs=0
findings=0
for name in "${targets[@]}"; do
	read -r more status <"$dir/$name.done" || { more=0; status=1; }
	runs=$((runs + more))
	[[ $status -eq 0 ]] || findings=$((findings + 1))
done
echo "fuzz: ${#targets[@]} targets, $runs runs, $findings findings"
[[ $findings -eq 0 ]]

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A long run: fresh seeds in the simulator on one core; on the other a store with two mounts under random load that is compared with a
# model, first left in peace while memory and descriptors of engine, server and mounts are watched, then with its engine killed again and
# again.   tools/soak.sh BUILD [MINUTES=10 [SEED]]
# Fails when a seed fails, an operation has another outcome than the model's, or memory or descriptors grow without bound: between the
# second and the last third of the quiet half by more than a quarter and $SOAK_GROW MiB (64), or by more than 16 descriptors.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
build=${1:?usage: tools/soak.sh BUILD [MINUTES [SEED]]}
minutes=${2:-10}
seed=${3:-$(date +%s)}
[[ $minutes =~ ^[0-9]+$ && $minutes -gt 0 ]] || { echo "soak: MINUTES is a number, not '$minutes'" >&2; exit 2; }
[[ -c /dev/fuse && $(id -u) -eq 0 ]] || { echo "soak: needs /dev/fuse and root (owners of files)" >&2; exit 2; }
half=$((minutes * 30))
grow=${SOAK_GROW:-64}
. tests/store.bash

echo "soak: $minutes minutes, seed $seed: tools/soak.sh $build $minutes $seed does the same draw again"
STORE_SIZE=${SOAK_STORE:-8GiB} store_begin soak "$build"
cc -std=gnu17 -D_GNU_SOURCE -O1 -g tests/posix_model.c tests/posix_tree.c tests/posix_look.c -o "$work/posix_model" || exit 1
store_container soak || exit 1
mkdir "$work/a" "$work/b"
store_mount "$work/a" soak && store_mount "$work/b" soak || exit 1
samples=$work/samples
end=$((SECONDS + 2 * half))

simulate() { # until the end, 20 seeds at a time
	local at=$((seed % 1000000000)) done=0
	while [[ $SECONDS -lt $end ]]; do
		"$bin/sim" --seed $at --seeds 20 --check >"$work/sim.log" 2>&1 || {
			echo "simulator: seeds $at and on: $(tail -n 3 "$work/sim.log")"
			return 1
		}
		at=$((at + 20))
		done=$((done + 20))
		echo "$done" >"$work/sim.done"
	done
}

load() { # until $1: rounds of the model, each from an empty directory
	local until=$1 round=0 status
	while [[ $SECONDS -lt $until ]]; do
		rm -rf "${work:?}/a"/* 2>/dev/null
		timeout 900 "$work/posix_model" "$work/a" "$work/b" --seed $((seed + round)) --ops 3000 >"$work/model.log" 2>&1
		status=$?
		[[ $status -eq 0 ]] || {
			echo "model: status $status: posix_model DIR DIR --seed $((seed + round)) --ops 3000"
			tail -n 5 "$work/model.log"
			return 1
		}
		round=$((round + 1))
		echo "$round" >"$work/rounds"
	done
}

pid_of() { # engine, server, or a mount point
	case $1 in
	engine) pgrep -f "daos_engine .*-s $store/" ;;
	server) pgrep -f "^$bin/daos_server start .*$store" ;;
	*) store_dfuse_pid "$1" ;;
	esac | head -n 1
}

sample() { # one line for each process: seconds, name, pid, KiB resident, descriptors
	local name pid rss
	for name in engine server "$work/a" "$work/b"; do
		pid=$(pid_of "$name")
		[[ -n $pid && -r /proc/$pid/status ]] || continue
		rss=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status" 2>/dev/null)
		echo "$SECONDS ${name##*/} $pid ${rss:-0} $(ls "/proc/$pid/fd" 2>/dev/null | wc -l)"
	done >>"$samples"
}

growth() { # of the samples: median of the second third against that of the last, for each process
	python3 - "$samples" "$grow" <<'END'
import collections, statistics, sys
rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    _, name, pid, rss, fds = line.split()
    rows[name].append((int(rss) / 1024, int(fds)))
bad = 0
for name, all in rows.items():
    third = len(all) // 3
    if third < 2:
        print(f"  {name}: too few samples ({len(all)})")
        continue
    (m0, f0), (m1, f1) = [tuple(statistics.median(r[i] for r in part) for i in (0, 1)) for part in (all[third:2 * third], all[2 * third:])]
    grown = m1 - m0 > float(sys.argv[2]) and m1 > 1.25 * m0 or f1 > f0 + 16
    bad |= grown
    print(f"  {'GROWS' if grown else 'steady':7} {name:8} {m0:8.1f} -> {m1:8.1f} MiB, {f0:5.0f} -> {f1:5.0f} descriptors")
sys.exit(bad)
END
}

watch() { # until $1, with a line of progress each half a minute; $2: kill the engine each so many seconds, 0: never
	local until=$1 every=$2 said=$SECONDS killed=$SECONDS
	while [[ $SECONDS -lt $until ]]; do
		sleep 2
		[[ $every -eq 0 ]] && sample
		if [[ $every -gt 0 && $((SECONDS - killed)) -ge $every ]]; then
			store_kill_engine >/dev/null && kills=$((kills + 1))
			killed=$SECONDS
		fi
		if [[ $((SECONDS - said)) -ge 30 ]]; then
			echo "  $SECONDS s: $(cat "$work/sim.done" 2>/dev/null || echo 0) seeds, $(cat "$work/rounds" 2>/dev/null || echo 0) rounds, $kills kills;" \
				"$(tail -n 4 "$samples" | awk '{printf "%s %d MiB %d fd  ", $2, $4 / 1024, $5}')"
			said=$SECONDS
		fi
		kill -0 "$simulator" 2>/dev/null || [[ $SECONDS -ge $((end - 60)) ]] || break
		kill -0 "$loader" 2>/dev/null || break
	done
}

kills=0
failed=0
simulate &
simulator=$!
echo "== in peace"
load $((SECONDS + half)) &
loader=$!
watch $((SECONDS + half)) 0
wait $loader || failed=$((failed + 1))
growth || failed=$((failed + 1))
peaceful=$(cat "$work/rounds" 2>/dev/null || echo 0)
if [[ $failed -eq 0 ]]; then
	echo "== with kills"
	fds=$(ls "/proc/$(pid_of "$work/a")/fd" | wc -l)
	load $((SECONDS + half)) &
	loader=$!
	watch $((SECONDS + half)) 7
	wait $loader || failed=$((failed + 1))
	for name in "$work/a" "$work/b"; do
		pid=$(pid_of "$name")
		now=$(ls "/proc/$pid/fd" 2>/dev/null | wc -l)
		[[ -n $pid && $now -le $((fds + 16)) ]] || { echo "mount ${name##*/}: descriptors grew from $fds to $now"; failed=$((failed + 1)); }
	done
fi
end=0
[[ $failed -eq 0 ]] || kill $simulator 2>/dev/null
wait $simulator || failed=$((failed + 1))
echo "soak: $(cat "$work/sim.done" 2>/dev/null || echo 0) seeds, $((peaceful + $(cat "$work/rounds" 2>/dev/null || echo 0))) rounds of 3000 operations, $kills kills, $failed failed"
[[ $failed -eq 0 ]]

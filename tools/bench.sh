#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Figures against their references.   tools/bench.sh BUILD [--quick] [--dir DIR] [NAME...]
# Runs bench/NAME.sh (all of them without names), each with a directory of its own below DIR (default: beside BUILD), and counts. One line
# a figure: name, ours, reference, ratio, bar, ok or SHORT. Status 1 only when something could not be measured.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=
base=
names=()
while (($#)); do
	case $1 in
	--quick) export BENCH_SECONDS=1 BENCH_IDLE=5 ;;
	--dir) base=$2; shift ;;
	-*) echo "usage: tools/bench.sh BUILD [--quick] [--dir DIR] [NAME...]" >&2; exit 2 ;;
	*) if [[ -z $build ]]; then build=$1; else names+=("$1"); fi ;;
	esac
	shift
done
[[ -n $build && -d $build/bench ]] || { echo "bench: '$build' has no bench/: make bench, or tools/build.sh BUILD -Dbuildtype=release -Dbench=true" >&2; exit 2; }
build=$(cd "$build" && pwd)
export BENCH_ROUNDS=${BENCH_ROUNDS:-3} BENCH_SECONDS=${BENCH_SECONDS:-2} BENCH_IDLE=${BENCH_IDLE:-60}
if ((${#names[@]} == 0)); then
	for script in "$root"/bench/*.sh; do names+=("$(basename "$script" .sh)"); done
fi
for name in "${names[@]}"; do
	[[ -f $root/bench/$name.sh ]] || { echo "bench: no bench/$name.sh" >&2; exit 2; }
done

work=$(mktemp -d "${base:-$(dirname "$build")}/bench.XXXXXX") || exit 2
child=
end() {
	if [[ -n $child ]]; then
		kill -TERM "$child" 2>/dev/null
		wait "$child" 2>/dev/null
	fi
	rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

disk=$(df --output=fstype,source "$work" | tail -n 1 | tr -s ' ')
how=$("$build/bench/io_kind" "$work" 2>/dev/null || echo unknown)
echo "cores $(nproc), $(awk -F: '/model name/ {print $2; exit}' /proc/cpuinfo | sed 's/^ *//'); load $(cut -d' ' -f1-3 /proc/loadavg); Linux $(uname -r)"
echo "files on $disk ($work); engine I/O by $how; build $(basename "$build"): $(awk '/^build:/ {print $2}' "$build/bench/settings")"
echo "median of $BENCH_ROUNDS alternating rounds of $BENCH_SECONDS s; idle over $BENCH_IDLE s"
printf '%-46s %12s %12s %8s %8s  %s\n' name ours reference ratio bar ok

failed=0
log=$work/lines
: >"$log"
for name in "${names[@]}"; do
	mkdir "$work/$name"
	from=$(wc -l <"$log")
	bash "$root/bench/$name.sh" "$build" "$work/$name" > >(tee -a "$log") 2>"$work/$name.err" &
	child=$!
	# A script may end with 1 for a bar that is missed: that was measured.
	if ! wait "$child" && { tail -n "+$((from + 1))" "$log" | grep -qE 'could not be measured|failed:' ||
		! tail -n "+$((from + 1))" "$log" | grep -q ' SHORT$'; }; then
		failed=$((failed + 1))
		tail -n 5 "$work/$name.err" | sed "s/^/$name: /"
	fi
	child=
	rm -rf "${work:?}/$name"
done
sleep 0.1
echo "$(grep -c ' ok$' "$log") ok, $(grep -c ' SHORT$' "$log") SHORT, $failed of ${#names[@]} could not be measured wholly"
((failed == 0))

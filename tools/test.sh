#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs unit, simulator and end-to-end tests and closes with one line: N passed, N failed.   [TEST_JOBS=N] tools/test.sh BUILD
# As many at a time as there are cores, at most 4; each has directories, sockets and stores of its own.
set -muo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
cd "$root" || exit 1
cores=$(nproc)
jobs=${TEST_JOBS:-$((cores < 4 ? cores : 4))}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'kill $(jobs -rp) 2>/dev/null; wait; exit 1' INT TERM HUP
nr=0

one() { # number, name, command...
	local number=$1 name=$2 begun=$SECONDS child status
	shift 2
	"$@" >"$logs/$number.log" 2>&1 </dev/null &
	child=$!
	trap 'kill "$child" 2>/dev/null' TERM
	wait "$child"
	status=$?
	if [[ $status -eq 0 ]]; then
		printf '  ok      %-44s %4d s\n' "$name" $((SECONDS - begun))
	else
		{
			printf '  FAILED  %-44s %4d s (status %d)\n' "$name" $((SECONDS - begun)) "$status"
			grep -nE 'FAILED|ERROR|Assert|assert|: error:' "$logs/$number.log" | head -n 20 | sed 's/^/          /'
			tail -n 15 "$logs/$number.log" | cut -c1-200 | sed 's/^/          /'
		} >"$logs/$number.said"
		cat "$logs/$number.said"
	fi
	echo "$status $name" >"$logs/$number.status"
}

check() { # name, command...: begins when a place is free
	while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do wait -n; done
	nr=$((nr + 1))
	one "$nr" "$@" &
}

echo "== structure"
check "the seams hold" python3 tools/seams.py . "$build"
[[ -x tools/check_headers.sh ]] && check "public headers compile alone" tools/check_headers.sh
wait

echo "== unit and simulator tests"
check "200 seeds of the durability story" "$build/src/sim" --seeds 200 --check
check "100 seeds of the file-system story" "$build/src/sim" --story files --seeds 100 --check
while read -r program; do
	check "${program#"$build"/}" timeout 600 "$program"
done < <(find "$build" -maxdepth 1 -name '*_test' -type f -perm -u+x | sort)
wait

echo "== end to end"
check "src/cmd/test/programs.sh" timeout 900 src/cmd/test/programs.sh "$build/src"
while read -r script; do # the long ones first
	check "$script" timeout 900 "$script" "$build"
done < <(find tests -maxdepth 1 -name '*.sh' -type f -perm -u+x |
	awk '{first = /\/posix\.sh$/ ? 0 : /\/kills\.sh$/ ? 1 : /\/programs\.sh$/ ? 2 : /\/locks\.sh$/ ? 3 : 4; print first, $0}' | sort | cut -d' ' -f2)
wait

passed=0
failed=0
for ((i = 1; i <= nr; i++)); do
	status="" name=""
	read -r status name <"$logs/$i.status" 2>/dev/null
	if [[ $status == 0 ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "failed: ${name:-test $i, which left no status}"
	fi
done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs unit, simulator and end-to-end tests and closes with one line: N passed, N failed.   tools/test.sh BUILD
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
cd "$root" || exit 1
passed=0
failed=0
names=()

verdict() { # name, status
	if [[ $2 -eq 0 ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); names+=("$1"); fi
}

check() { # name, command...
	local name=$1 log
	shift
	log=$(mktemp)
	local begun=$SECONDS
	"$@" >"$log" 2>&1 </dev/null
	local status=$?
	if [[ $status -eq 0 ]]; then
		printf '  ok      %-44s %4d s\n' "$name" $((SECONDS - begun))
	else
		printf '  FAILED  %-44s %4d s (status %d)\n' "$name" $((SECONDS - begun)) "$status"
		grep -nE 'FAILED|ERROR|Assert|assert|: error:' "$log" | head -n 20 | sed 's/^/          /'
		tail -n 15 "$log" | cut -c1-200 | sed 's/^/          /'
	fi
	rm -f "$log"
	verdict "$name" "$status"
}

echo "== structure"
check "the seams hold" python3 tools/seams.py . "$build"
[[ -x tools/check_headers.sh ]] && check "public headers compile alone" tools/check_headers.sh

echo "== unit and simulator tests"
while read -r program; do
	name=${program#"$build"/}
	check "$name" timeout 600 "$program"
done < <(find "$build" -maxdepth 1 -name '*_test' -type f -perm -u+x | sort)

echo "== simulated crashes"
check "200 seeds of the durability story" "$build/src/sim" --seeds 200 --check
check "100 seeds of the file-system story" "$build/src/sim" --story files --seeds 100 --check

echo "== end to end"
check "src/cmd/test/programs.sh" timeout 900 src/cmd/test/programs.sh "$build/src"
for script in tests/*.sh; do
	[[ -x $script ]] || continue
	check "$script" timeout 900 "$script" "$build"
done

for name in "${names[@]}"; do echo "failed: $name"; done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]

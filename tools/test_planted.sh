#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the planted programs of src/ult/test/planted with each sanitizer and sees that it reports what was planted, and that it
# reports nothing where nothing was.   tools/test_planted.sh [gcc|clang ...]
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compilers=("$@")
if [[ ${#compilers[@]} -eq 0 ]]; then
	for c in gcc clang; do command -v $c >/dev/null && compilers+=($c); done
fi
cache=$(command -v ccache || true)
found=0
failed=0
libs=(-luring -lhwloc -lpthread -Wl,-Bstatic -lboost_context -Wl,-Bdynamic)

build() { # compiler, variant, flags...
	local cc=$1 variant=$2 room file object
	shift 2
	mkdir -p "$work/$cc.$variant"
	for room in base env_real telemetry ult; do
		for file in "$root/src/$room"/*.c; do
			object=$work/$cc.$variant/${room}_$(basename "$file" .c).o
			echo "$cache $cc -std=gnu17 -D_GNU_SOURCE -O1 -gdwarf-4 -msse4.2 -w -fno-omit-frame-pointer -DROOM='\"$room\"'" \
				"-I$root/src -I$root/include $* -c $file -o $object"
		done
	done | xargs -P 2 -d '\n' -I{} sh -c '{}' || return 1
	for file in "$root"/src/ult/test/planted/*.c; do
		$cache "$cc" -std=gnu17 -D_GNU_SOURCE -O1 -gdwarf-4 -w -fno-omit-frame-pointer "-I$root/src" "-I$root/include" "$@" \
			-c "$file" -o "$work/$cc.$variant/main.o" &&
			"$cc" "$@" "$work/$cc.$variant/main.o" "$work/$cc.$variant"/*_*.o "${libs[@]}" \
				-o "$work/$cc.$variant/$(basename "$file" .c)" || return 1
	done
}

tell() { # 0: as expected, compiler, variant, what, expected
	if [[ $1 -eq 0 ]]; then
		found=$((found + 1))
		printf '  ok      %-6s %-6s %s\n' "$2" "$3" "$4"
	else
		failed=$((failed + 1))
		printf '  FAILED  %-6s %-6s %s (expected %s)\n' "$2" "$3" "$4" "$5"
		tail -n 20 "$work/out" | sed 's/^/          /'
	fi
}

expect() { # compiler, variant, program, pattern (empty: must be clean; any: must die), wrapper...
	local cc=$1 variant=$2 program=$3 pattern=$4 status
	shift 4
	{ timeout 120 "$@" "$work/$cc.$variant/$program" >"$work/out" 2>&1; } 2>/dev/null
	status=$?
	if [[ -n $pattern ]]; then
		[[ $status -ne 0 ]] && { [[ $pattern == any ]] || grep -Eq -- "$pattern" "$work/out"; }
		status=$?
	fi
	tell $status "$cc" "$variant" "$program" "${pattern:-nothing}"
}

debug() { # compiler: the debugger shows both suspended ULTs and who aborted
	local program=$work/$1.plain/suspended
	gdb -batch -nx -ex run -ex "source $root/tools/gdb/ult.py" -ex ults "$program" >"$work/out" 2>&1
	[[ $(grep -c '#.*second_call at' "$work/out") -eq 2 ]] && grep -q 'ULT.*running, aborter' "$work/out"
	tell $? "$1" plain "suspended, in gdb" "backtraces"
}

export ASAN_OPTIONS=detect_stack_use_after_return=1 TSAN_OPTIONS=halt_on_error=1
for cc in "${compilers[@]}"; do
	build "$cc" plain || exit 1
	expect "$cc" plain clean ""
	expect "$cc" plain overflow any
	expect "$cc" plain foreign_wake "ult I2"
	command -v gdb >/dev/null && debug "$cc"
	if command -v valgrind >/dev/null; then
		expect "$cc" plain clean "" valgrind -q --error-exitcode=9
		expect "$cc" plain uninitialised "depends on uninitialised" valgrind -q --error-exitcode=9
	fi
	build "$cc" asan -fsanitize=address || exit 1
	expect "$cc" asan clean ""
	# LeakSanitizer does not look into the fake stacks of suspended ULTs.
	expect "$cc" asan kept "" env ASAN_OPTIONS=detect_stack_use_after_return=0
	expect "$cc" asan use_after_return "use-after-(return|poison|scope)|SEGV" # with its ULT the fake stack is unmapped
	expect "$cc" asan use_after_return "use-after-(poison|scope)" env ASAN_OPTIONS=detect_stack_use_after_return=0
	expect "$cc" asan use_after_free "heap-use-after-free"
	expect "$cc" asan overflow "stack-overflow|SEGV"
	expect "$cc" asan leak "detected memory leaks"
	build "$cc" tsan -fsanitize=thread || exit 1
	expect "$cc" tsan clean ""
	expect "$cc" tsan race "data race"
done
echo "planted: $found as expected, $failed not"
[[ $failed -eq 0 && $found -gt 0 ]]

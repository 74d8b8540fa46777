#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Style and structure.   tools/tidy.sh BUILD [--quick] [FILE...]
#   --quick   without the compiler's extra warnings and clang-tidy (seconds): what .ci/run does
#   FILE      clang-tidy looks at these only
# clang-tidy looks for at most $TIDY_SECONDS (480) at what changed since it was last clean; a first run takes longer than that on two cores
# and is continued by the next.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
build=${1:?usage: tools/tidy.sh BUILD [--quick] [FILE...]}
shift
quick=
[[ ${1:-} == --quick ]] && { quick=1; shift; }
failed=0
names=()

check() { # name, command...
	local name=$1 log begun=$SECONDS status=0
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [[ $status -eq 0 ]]; then
		printf '  ok      %-46s %4d s   %s\n' "$name" $((SECONDS - begun)) "$(tail -n 1 "$log" | cut -c1-110)"
	else
		printf '  FAILED  %-46s %4d s\n' "$name" $((SECONDS - begun))
		tail -n 40 "$log" | cut -c1-220 | sed 's/^/          /'
		failed=$((failed + 1))
		names+=("$name")
	fi
	rm -f "$log"
}

scripts() {
	local script bad=0 nr=0
	while IFS= read -r script; do
		bash -n "$script" || bad=1
		nr=$((nr + 1))
		if command -v shellcheck >/dev/null; then
			# sources are found at run time; words are split on purpose where a comment says so
			shellcheck -S warning -e SC1091,SC2128,SC2154,SC2178,SC2206,SC2054,SC2034 "$script" || bad=1
		fi
	done < <(git ls-files -co --exclude-standard '*.sh' .ci/run)
	echo "$nr scripts"
	return $bad
}

pythons() {
	local files
	mapfile -t files < <(git ls-files -co --exclude-standard '*.py')
	python3 - "${files[@]}" <<'END'
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)
print(len(sys.argv) - 1, "programs")
END
}

floors() { python3 tools/rooms.py list . | wc -l | sed 's/$/ rooms on their floors/'; return "${PIPESTATUS[0]}"; }

format() { # how much of the tree is as .clang-format would have it: comments and tables are laid out by hand, so not all
	command -v clang-format >/dev/null || { echo "clang-format is not there"; return 0; }
	local file lines=0 other=0
	while IFS= read -r file; do
		lines=$((lines + $(wc -l <"$file")))
		other=$((other + $(clang-format --style=file "$file" | diff "$file" - | grep -c '^<')))
	done < <(git ls-files 'src/*.c' 'examples/*.c' 'bench/*.c' | awk 'NR % 4 == 0')
	echo "$((other * 1000 / lines)) of 1000 lines differ from .clang-format"
	[[ $((other * 1000 / lines)) -le 60 ]]
}

# More than the build asks for: what clang can say without taste.
warnings="-Wimplicit-fallthrough -Wformat=2 -Wno-format-nonliteral -Wduplicate-enum -Wextra-semi"
warnings+=" -Wunreachable-code-return -Wover-aligned -Wheader-hygiene -Wnewline-eof -Wundef -Wdate-time"

echo "== structure"
check "texts: licence, width, blanks, lengths" python3 tools/style.py .
check "floors" floors
check "seams" python3 tools/seams.py . "$build"
check "public headers compile alone" tools/check_headers.sh
check "scripts" scripts
check "python" pythons
if [[ -z $quick ]]; then
	check "layout" format
	echo "== compilers"
	check "gcc: no warning" env CC=gcc tools/build.sh "$build"
	check "clang: no warning, with more of them" env CC=clang tools/build.sh "$build-clang" -Dc_args="$warnings"
	command -v clang-tidy >/dev/null && check "clang-tidy" python3 tools/tidy_files.py "$build-clang" "${TIDY_SECONDS:-480}" "$@"
fi
for name in "${names[@]}"; do echo "failed: $name"; done
echo "tidy: $failed failed"
[[ $failed -eq 0 ]]

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles every public header alone, as C17 and as C++17, with each compiler there is: none may warn. Silent when all
# is well.
# usage: check_headers.sh [include folder]
include=${1:-$(dirname "$0")/../include}
cd "$include" || exit 2
failed=0

# try <compiler> <language> <options>: all headers, each on its own and twice.
try()
{
	compiler=$1 language=$2
	shift 2
	command -v "$compiler" >/dev/null || return 0
	for header in $(find . -name '*.h' | sed 's,^\./,,' | sort); do
		printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
			"$compiler" -x "$language" "$@" -I. -Wall -Wextra -Wshadow -Wundef -Werror -fsyntax-only - || {
			echo "check_headers: <$header> does not compile alone with $compiler $*" >&2
			failed=1
		}
	done
}

for compiler in gcc clang; do
	try $compiler c -std=gnu17 -D_GNU_SOURCE -Wstrict-prototypes
	try $compiler c -std=c17 -D_XOPEN_SOURCE=700 -Wstrict-prototypes
done
for compiler in g++ clang++; do
	try $compiler c++ -std=c++17
	try $compiler c++ -std=gnu++20
done
exit $failed

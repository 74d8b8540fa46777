#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every stop of docs/tour, written `src/file.c: function`, names a file that is there and a function that it defines.   tests/tour.sh [BUILD]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
stops=0
wrong=0

miss() {
	printf '%s\n' "$*"
	wrong=$((wrong + 1))
}

while IFS=: read -r page line text; do
	stop=${text//\`/}
	file=${stop%%:*}
	name=${stop##*: }
	stops=$((stops + 1))
	if [[ ! -f $file ]]; then
		miss "$page:$line: there is no $file"
	elif ! grep -qE "^([a-z].*[ *])?$name\(" "$file"; then
		miss "$page:$line: $file defines no $name"
	fi
done < <(grep -noE '`src/[^`: ]+: [A-Za-z0-9_]+`' docs/tour/*.md)

for page in docs/tour/*.md; do
	grep -q '`src/' "$page" || miss "$page has no stop"
done
[[ $stops -gt 0 ]] || miss "docs/tour has no stops"
echo "$stops stops, $wrong wrong"
[[ $wrong -eq 0 ]]

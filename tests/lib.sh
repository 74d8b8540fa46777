#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The client libraries: calls against an engine; what they export; examples compiled against an installed prefix, shared and static;
# a program without a store is told so; nothing is left after uninstall.   tests/lib.sh BUILD
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/src/lib_calls"

for name in libgurt libdaos_common libdaos libdfs; do
	"$root/tools/api_list.py" check "$name=$build/src/$name.so"
	"$root/tools/api_list.py" list | awk -v l="$name" '$3 == l || (l == "libdaos" && $3 == "libdfs") {print $2}' | sort >"$work/wanted"
	nm -D --defined-only "$build/src/$name.so" | awk '{print $3}' | sed 's/@.*//' | sort >"$work/exported"
	extra=$(comm -13 "$work/wanted" "$work/exported")
	[[ -z $extra ]] || { echo "$name exports more than its headers declare: $extra"; exit 1; }
done
readelf -d "$build/src/libdaos.so" | grep 'SONAME.*libdaos\.so\.2]' >/dev/null || { echo "libdaos is not libdaos.so.2"; exit 1; }

mkdir "$work/prefix"
"$root/tools/install.sh" install "$build" "$work/prefix"
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
for example in "$work/prefix"/share/daos/examples/*.c; do
	name=$(basename "$example" .c)
	package=daos
	grep -q daos_fs.h "$example" && package=dfs
	# shellcheck disable=SC2046
	cc -std=c17 -Wall -Wextra -Werror -D_GNU_SOURCE "$example" -o "$work/$name" $(pkg-config --cflags --libs "$package")
	ldd "$work/$name" | grep "$work/prefix/lib/libdaos.so.2" >/dev/null || { echo "$name does not find the installed libdaos"; exit 1; }
	if [[ $package == daos && -e $work/prefix/lib/libdaos.a ]]; then
		# shellcheck disable=SC2046
		cc -std=c17 -D_GNU_SOURCE $(pkg-config --cflags daos) "$example" -o "$work/$name.static" \
			-L"$work/prefix/lib" -l:libdaos.a -l:libdaos_common.a -l:libgurt.a $(pkg-config --static --libs-only-l daos | sed 's/-l\(daos_common\|daos\|gurt\)\b//g')
		ldd "$work/$name.static" | grep -q libdaos && { echo "$name.static is not static"; exit 1; }
	fi
	for program in "$work/$name" "$work/$name.static"; do
		[[ -x $program ]] || continue
		if DAOS_AGENT_DRPC_DIR=$work/none "$program" pool box >"$work/out" 2>&1; then echo "$program runs without a store"; exit 1; fi
		grep -q DER_AGENT_COMM "$work/out" || { cat "$work/out"; exit 1; }
		if [[ -n ${DAOS_TEST_POOL:-} ]]; then "$program" "$DAOS_TEST_POOL" "example-$name"; fi
	done
done
"$root/tools/install.sh" uninstall "$build" "$work/prefix"
left=$(find "$work/prefix" -mindepth 1)
[[ -z $left ]] || { echo "left behind: $left"; exit 1; }

DESTDIR=$work/dest "$root/tools/install.sh" install "$build" /opt/daos
grep -q '^prefix=/opt/daos$' "$work/dest/opt/daos/lib/pkgconfig/daos.pc"
DESTDIR=$work/dest "$root/tools/install.sh" uninstall "$build" /opt/daos

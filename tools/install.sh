#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what was built below PREFIX, or takes it away again: programs in bin, libraries in lib, headers in include, pkg-config files in
# lib/pkgconfig, examples in share/daos/examples. Libraries find each other beside themselves, so a prefix may be moved.
#   [DESTDIR=DIR] tools/install.sh install|uninstall BUILD PREFIX
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
verb=${1:-}
build=${2:-}
prefix=${3:-}
[[ ($verb == install || $verb == uninstall) && $prefix == /* ]] || { sed -n '3,6s/^# //p' "$0" >&2; echo "install: PREFIX must be an absolute path" >&2; exit 2; }
prefix=${prefix%/}
to=${DESTDIR:-}$prefix
manifest=$to/share/daos/manifest

uninstall() {
	[[ -f $manifest ]] || { echo "install: nothing is installed in $to (no $manifest)" >&2; exit 1; }
	local file
	while IFS= read -r file; do rm -f -- "${to:?}/$file"; done <"$manifest"
	# Folders that became empty go too, deepest first; the prefix itself stays.
	while IFS= read -r file; do dirname "$file"; done <"$manifest" | sort -u | while IFS= read -r file; do
		while [[ $file != . ]]; do
			echo "$file"
			file=$(dirname "$file")
		done
	done | sort -ur | while IFS= read -r file; do rmdir -- "$to/$file" 2>/dev/null || true; done
	rm -f -- "$manifest"
	rmdir -- "$to/share/daos" "$to/share" 2>/dev/null || true
}

pkg_config() { # file, name, description, libraries, requires, private libraries
	cat >"$1" <<-END
		prefix=$prefix
		libdir=\${prefix}/lib
		includedir=\${prefix}/include

		Name: $2
		Description: $3
		Version: $version
		Requires: $5
		Libs: -L\${libdir} -Wl,-rpath,\${libdir} $4
		Libs.private: $6
		Cflags: -I\${includedir}
	END
}

if [[ $verb == uninstall ]]; then
	uninstall
	echo "removed from $to"
	exit 0
fi

[[ -f $build/build.ninja ]] || { echo "install: nothing is built in '$build': run 'make' first" >&2; exit 1; }
version=$(awk '/DAOS_VERSION_(MAJOR|MINOR|FIX)/ && $3 ~ /^[0-9]+$/ {v = v (v == "" ? "" : ".") $3} END {print v}' "$root/include/daos_version.h")
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/raw" "$stage/done"/{bin,lib/pkgconfig,include,share/daos/examples}
DESTDIR=$stage/raw meson install -C "$build" --no-rebuild --quiet >"$stage/log" 2>&1 || { cat "$stage/log" >&2; exit 1; }
find "$stage/raw" -path '*/bin/*' \( -type f -o -type l \) -exec cp -a -t "$stage/done/bin" {} +
find "$stage/raw" \( -name 'lib*.so*' -o -name 'lib*.a' \) -exec cp -a -t "$stage/done/lib" {} +
cp -r "$root/include/." "$stage/done/include"
cp -a "$root"/examples/*.c "$stage/done/share/daos/examples"
private='-lprotobuf-c -lisal -lxxhash -luring -lhwloc -luuid -lpthread'
pkg_config "$stage/done/lib/pkgconfig/gurt.pc" gurt "ground library" -lgurt "" "-luuid -lpthread"
pkg_config "$stage/done/lib/pkgconfig/daos_common.pc" daos_common "properties, access control lists, tasks" -ldaos_common gurt "-luuid -lpthread"
pkg_config "$stage/done/lib/pkgconfig/daos.pc" daos "distributed object store" -ldaos "daos_common gurt" "$private"
if [[ -e $stage/done/lib/libdfs.so ]]; then
	pkg_config "$stage/done/lib/pkgconfig/dfs.pc" dfs "file systems in containers" -ldfs "daos daos_common gurt" ""
fi
(cd "$stage/done" && find . \( -type f -o -type l \) -printf '%P\n' | sort) >"$stage/manifest"
[[ -f $manifest ]] && uninstall
mkdir -p "$to"
(cd "$stage/done" && while IFS= read -r file; do
	mkdir -p "$to/$(dirname "$file")"
	cp -a --remove-destination "$file" "$to/$file"
done <"$stage/manifest")
mkdir -p "$(dirname "$manifest")"
cp "$stage/manifest" "$manifest"
echo "installed $(wc -l <"$manifest") files in $to"
if [[ -z ${DESTDIR:-} && $prefix != /usr ]]; then
	echo "use: PATH=$prefix/bin:\$PATH PKG_CONFIG_PATH=$prefix/lib/pkgconfig"
fi

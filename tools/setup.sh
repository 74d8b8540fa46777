#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing. Quiet and quick when nothing is; needs no network then.
#   tools/setup.sh GROUP ...     groups: build test bench tidy
set -euo pipefail

declare -A group
group[build]="gcc libc6-dev meson ninja-build pkg-config binutils python3-minimal protobuf-c-compiler libboost-context1.74-dev
 liburing-dev libhwloc-dev libprotobuf-c-dev libisal-dev libxxhash-dev libssl-dev libjson-c-dev libcyaml-dev libyaml-dev
 libfuse3-dev fuse3 uuid-dev libraft-dev rsync procps"
group[test]="libcmocka-dev clang libclang-rt-14-dev valgrind gdb fio sqlite3 attr acl strace git"
group[bench]="librocksdb-dev liblmdb-dev"
group[tidy]="clang-tidy clang-format shellcheck"

wanted=()
for name in "$@"; do
	[[ -n ${group[$name]:-} ]] || { echo "setup: unknown group '$name' (have: ${!group[*]})" >&2; exit 2; }
	read -r -d '' -a list <<<"${group[$name]}" || true
	wanted+=("${list[@]}")
done

missing=()
installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" {print $2}' || true)
for package in "${wanted[@]}"; do
	grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "setup: this needs Debian's packages: ${missing[*]}" >&2
	echo "setup: install their equivalents by hand, then run the command again." >&2
	exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
	command -v sudo >/dev/null || { echo "setup: missing packages: ${missing[*]}; ask an administrator to run: apt-get install ${missing[*]}" >&2; exit 1; }
	as_root=(sudo)
fi
echo "setup: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0)
newest=$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -1440 -print -quit 2>/dev/null || true)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [[ -z $newest ]]; then
	"${apt[@]}" update >"$log" 2>&1 || { tail -n 5 "$log" >&2; echo "setup: 'apt-get update' failed: is the network up?" >&2; exit 1; }
fi
if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
	"${apt[@]}" update >>"$log" 2>&1 || true
	"${apt[@]}" install --no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
		{ tail -n 15 "$log" >&2; echo "setup: installing failed; the lines above say why." >&2; exit 1; }
fi

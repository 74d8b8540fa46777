#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ordinary users: the command lines' tests without root; two users and a store of root's; a store of a user's own beside it. Whoever reaches a
# socket gets what access lists allow, and no more. Needs root to become others; else only what one user can see.   tests/unprivileged.sh BUILD
set -uo pipefail
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
bin=$build/src
if [[ $(id -u) -ne 0 ]]; then
	echo "an ordinary user runs this: the other tests are that test"
	exit 0
fi
if ! command -v setpriv >/dev/null || ! setpriv --reuid=nobody --regid=nogroup --clear-groups test -x "$bin/daos"; then
	echo "not looked at: no setpriv, or $bin is closed to others"
	exit 0
fi
work=$(mktemp -d /tmp/unprivileged.XXXXXX)
chmod 755 "$work"
failed=0
checks=0
unset DAOS_AGENT_DRPC_DIR D_LOG_FILE D_LOG_MASK
as() { local user=$1; shift; setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME=/ timeout 600 "$@"; }

end() {
	"$bin/daos_server" stop --dir "$work/root" >/dev/null 2>&1
	as nobody "$bin/daos_server" stop --dir "$work/nobody/store" >/dev/null 2>&1
	rm -rf "$work"
}
trap end EXIT
wrong() { echo "FAILED: $*"; sed 's/^/    /' "$work/out" | tail -n 8; failed=$((failed + 1)); }
good() { checks=$((checks + 1)); "$@" >"$work/out" 2>&1 </dev/null || wrong "status $?: ${*#"$bin"/}"; }
says() { good "${@:2}"; grep -qE -- "$1" "$work/out" || wrong "no '$1' from: ${*:2}"; }
refuses() {
	checks=$((checks + 1))
	"${@:2}" >"$work/out" 2>&1 </dev/null && wrong "this was allowed: ${*:2}"
	grep -qE -- "$1" "$work/out" || wrong "no '$1' from: ${*:2}"
}

echo "== command lines as nobody"
as nobody "$here/cli.sh" "$build" >"$work/cli" 2>&1 || { cat "$work/cli"; failed=$((failed + 1)); }
tail -n 1 "$work/cli"

echo "== root's store, two users"
export DAOS_AGENT_DRPC_DIR=$work/root/run
good "$bin/daos_server" start --dir "$work/root" --detach
for socket in "$work"/root/run/e0.*; do
	[[ $(stat -c %a "$socket") == 666 ]] || wrong "$socket is closed to others"
done
[[ $(stat -c %a "$work/root/run/daos_server.sock") == 600 ]] || wrong "the server's socket is open to others"
printf 'A::OWNER@:rw\nA::daemon@:r\n' >"$work/acl"
good "$bin/dmg" pool create --size=512MiB --user=nobody --group=nogroup tank --acl-file="$work/acl"
says 'tank' as nobody "$bin/daos" pool list
good as nobody "$bin/daos" container create --type POSIX tank mine
says 'mine' as nobody "$bin/daos" container list tank
says 'nobody@' as nobody "$bin/daos" container get-acl tank mine
# Who may read the pool, and nothing in the container.
says 'tank' as daemon "$bin/daos" pool query tank
refuses 'NO_PERM' as daemon "$bin/daos" container create tank theirs
refuses 'NO_PERM' as daemon "$bin/daos" container destroy --force tank mine
refuses 'NO_PERM' as daemon "$bin/daos" container set-attr tank mine a:b
refuses 'NO_PERM' as daemon "$bin/daos" pool set-attr tank a:b
# Who may do nothing with it.
says 'No pools' as games "$bin/daos" pool list
refuses 'NO_PERM|no pool' as games "$bin/daos" pool query tank
refuses 'NO_PERM|no pool' as games "$bin/daos" container list tank
says 'No pools' as games "$bin/dmg" pool list
refuses 'NO_PERM' as games "$bin/dmg" pool query tank
# What is for those who run the system.
for what in "pool create --size=512MiB other" "pool destroy --force tank" "pool evict tank" "pool set-prop tank label:gone" "system stop" "system start" \
	"storage format --force"; do
	# shellcheck disable=SC2086
	refuses 'NO_PERM' as nobody "$bin/dmg" $what
done
says 'joined' as nobody "$bin/dmg" system query
refuses 'denied' as nobody cat "$work/root/storage/keys"
refuses 'denied' as nobody ls "$work/root/storage"
refuses 'may not be read by this user|directory of logs' as nobody "$bin/daos_server" start --dir "$work/root"
refuses 'cannot be told to stop|NO_PERM|ermi' as nobody "$bin/daos_server" stop --dir "$work/root"
# Granted by the owner.
good as nobody "$bin/daos" container update-acl tank mine --entry=A::daemon@:rwt
says 'mine' as daemon "$bin/daos" container query tank mine

echo "== nobody's own store beside it"
mkdir "$work/nobody"
chown nobody "$work/nobody"
good as nobody "$bin/daos_server" start --dir "$work/nobody/store" -t 1 --detach
export DAOS_AGENT_DRPC_DIR=$work/nobody/store/run
says 'No pools' as nobody "$bin/daos" pool list
good as nobody "$bin/dmg" pool create --size=256MiB own
says 'own' "$bin/dmg" pool list # root may
refuses 'may not be reached|no agent|ermi' as daemon "$bin/daos" pool list
refuses 'may not be reached' as daemon "$bin/dmg" pool list
says 'tank' env DAOS_AGENT_DRPC_DIR="$work/root/run" "$bin/dmg" pool list
good as nobody "$bin/daos_server" stop --dir "$work/nobody/store"
export DAOS_AGENT_DRPC_DIR=$work/root/run
says 'mine' as nobody "$bin/daos" container list tank

echo "== places that one may not write"
mkdir "$work/closed" "$work/store-of-root"
refuses 'cannot be made|ermi' as nobody "$bin/daos_server" start --dir "$work/closed/new"
refuses 'directory of logs|cannot be made|ermi' as nobody "$bin/daos_server" start --dir "$work/closed"
[[ -z $(ls -A "$work/closed") ]] || wrong "something was written"
good "$bin/daos_server" stop --dir "$work/root"
echo "$checks checks, $failed failed"
[[ $failed -eq 0 ]]

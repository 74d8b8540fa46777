#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is wrong from outside: command lines, configurations, places, damaged and foreign stores, full disks and pools. Each must be refused
# in bounded time, with a message and a status, without a crash, and without a byte written to what was refused.   tests/bad_input.sh BUILD
set -uo pipefail
build=$(cd "$1" && pwd)
bin=$build/src
work=$(mktemp -d /tmp/bad-input.XXXXXX)
failed=0
checks=0
unset DAOS_AGENT_DRPC_DIR D_LOG_FILE D_LOG_MASK

end() {
	local d
	for d in "$work/mnt" "$work/full"; do grep -qs " $d fuse" /proc/mounts && fusermount3 -u -z "$d"; done
	for d in "$work"/*/; do [[ -d $d/run ]] && "$bin/daos_server" stop --dir "$d" >/dev/null 2>&1; done
	[[ -n ${listener:-} ]] && kill "$listener" 2>/dev/null
	chmod -R u+w "$work" 2>/dev/null
	rm -rf "$work"
}
trap end EXIT

wrong() {
	echo "FAILED: $*"
	cut -c1-400 "$work/out" "$work/err" 2>/dev/null | sed 's/^/    /' | tail -n 12
	failed=$((failed + 1))
}

run() { # program, arguments
	local from=$SECONDS
	timeout 40 "$bin/$1" "${@:2}" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	checks=$((checks + 1))
	[[ $status -lt 124 ]] || wrong "status $status: ${*:1:6}"
	[[ $((SECONDS - from)) -le 20 ]] || wrong "took $((SECONDS - from)) s: ${*:1:6}"
}
good() { run "$@"; [[ $status -eq 0 ]] || wrong "status $status instead of 0: $*"; }
says() { good "${@:2}"; grep -qE -- "$1" "$work/out" || wrong "no '$1' from: ${*:2}"; }
refuses() { # words of the message, program, arguments
	run "${@:2}"
	[[ $status -eq 1 || $status -eq 2 ]] || wrong "status $status: ${*:2}"
	grep -qE -- "$1" "$work/err" || wrong "no '$1' in the message of: ${*:2}"
	[[ $(wc -l <"$work/err") -le 3 && $(wc -c <"$work/err") -le 4000 ]] || wrong "too long a message: ${*:2}"
}
sums() { # names, kinds, rights, times of all; contents of what is small
	(cd "$1" 2>/dev/null && find . -printf '%p %y %m %s %T@\n' | sort && find . -type f -size -64k -print0 | sort -z | xargs -0r sha256sum)
}
untouched() { # directory, then as refuses: nothing there may change
	local before
	before=$(sums "$1")
	refuses "${@:2}"
	[[ $before == "$(sums "$1")" ]] || { wrong "something was written to $1 by: ${*:3}"; diff <(echo "$before") <(sums "$1") | head -n 5; }
}

echo "== words that make no sense, to every command of every program"
python3 - "$bin" "$work/none" <<'PY' || wrong "see above"
import os, subprocess, sys
bin, none = sys.argv[1:]
env = dict(os.environ, DAOS_AGENT_DRPC_DIR=none)
programs = {
    "dmg": "storage scan,storage format,system query,system stop,system start,system list-pools,pool create,pool list,pool query,"
           "pool destroy,pool evict,pool get-prop,pool set-prop,system exclude,check start,version,",
    "daos": "pool list,pool query,pool query-targets,pool list-attr,pool get-attr,pool set-attr,pool del-attr,container create,"
            "container list,container query,container destroy,container get-prop,container set-prop,container set-attr,"
            "container get-attr,container list-attr,container del-attr,object query,system query,version,",
    "daos_server": "start,stop,scm scan,version,", "daos_engine": "", "dfuse": "", "daos_metrics": ""}
words = [["--no-such-flag"], ["-?"], ["--"], ["--=x"], ["-1"], ["99999999999999999999"], [""], [b"\xff\xfe\x80"], ["A" * 100000],
         ["%s%n"] * 2, ["../../etc"] * 3, ["\x1b[31m"] * 2, ["--\x1b[31m"], ["a\nb"] * 2]
bad = 0
nr = 0
for program, commands in programs.items():
    for command in commands.split(","):
        helped = subprocess.run([f"{bin}/{program}", *command.split(), "--help"], stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
        if helped.returncode != 0 or (b"xample" not in helped.stdout and command != "") or helped.stderr:
            print("    no help or no example:", program, command)
            bad += 1
        for more in words:
            nr += 1
            try:
                p = subprocess.run([f"{bin}/{program}", *command.split(), *more], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
            except subprocess.TimeoutExpired:
                print("    no end:", program, command, more[0][:20])
                bad += 1
                continue
            why = []
            if p.returncode not in (0, 1, 2):
                why.append("status")
            if p.returncode != 0 and not p.stderr.strip():
                why.append("silent")
            if len(p.stderr) > 1500:
                why.append("long")
            if any(c < 32 and c != 10 for c in p.stderr):
                why.append("control characters")
            try:
                p.stderr.decode()
            except UnicodeDecodeError:
                why.append("no UTF-8")
            if why:
                print("   ", why, program, command, more[0][:20], p.returncode, p.stderr[:150])
                bad += 1
print(f"{nr} command lines")
sys.exit(bad > 0)
PY

echo "== configurations"
yaml() { printf "$1" >"$work/c.yml"; untouched "$work/at" "$2" daos_server start -o "$work/c.yml" --dir "$work/at/store"; }
mkdir "$work/at"
yaml 'name: [unclosed\n' 'c.yml: '
yaml 'name: x\nengines:\n- tragets: 1\n' 'tragets'
yaml 'engines:\n- targets: many\n' 'targets'
yaml 'engines:\n- targets: -1\n' 'targets'
yaml 'engines:\n- targets: 99999999999\n' 'targets'
yaml 'engines: 7\n' 'engines'
yaml 'name: a name with blanks\n' 'cannot name a system'
yaml 'port: 70000\n' 'ports end at 65535'
yaml 'engines:\n- fabric_iface_port: 70000\n' 'ports end at 65535'
yaml 'engines:\n- fabric_iface: eth0\n' 'use lo'
yaml 'engines:\n- storage:\n  - class: nvme\n    bdev_list: [0000:81:00.0]\n' 'class .nvme. comes later'
yaml 'engines:\n- storage:\n  - class: paper\n' "'paper' is unknown"
yaml 'provider: ofi+verbs\n' 'use ofi\+tcp'
yaml 'access_points: [far.example]\n' 'several machines come later'
yaml '' 'empty'
yaml 'a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n' 'c.yml: '
yaml '\001\002\377\376' 'c.yml: '
{ echo 'name: x'; head -c 300000 /dev/zero | tr '\0' '#'; } >"$work/c.yml"
untouched "$work/at" 'longer than' daos_server start -o "$work/c.yml" --dir "$work/at/store"
{ head -c 100000 /dev/zero | tr '\0' '['; } >"$work/c.yml"
untouched "$work/at" 'c.yml: ' daos_server start -o "$work/c.yml" --dir "$work/at/store"
untouched "$work/at" 'cannot be read' daos_server start -o "$work" --dir "$work/at/store"
untouched "$work/at" 'cannot be read.*No such file' daos_server start -o "$work/none.yml" --dir "$work/at/store"
refuses 'give --dir' daos_server start --ignore-config
printf 'hostlist: 7\n' >"$work/c.yml"
refuses 'hostlist' dmg -o "$work/c.yml" system query

echo "== places"
echo text >"$work/at/file"
ln -s "$work/at/nowhere" "$work/at/dangling"
mkdir -p "$work/at/foreign/storage" "$work/at/odd/run" "$work/at/logs"
echo precious >"$work/at/foreign/storage/mine"
echo text >"$work/at/odd/storage"
echo text >"$work/at/logs/log"
untouched "$work/at" 'is no directory' daos_server start --dir "$work/at/file"
untouched "$work/at" 'mkdir -p' daos_server start --dir "$work/at/none/none"
untouched "$work/at" 'cannot be' daos_server start --dir "$work/at/file/below"
untouched "$work/at" 'cannot be' daos_server start --dir ''
untouched "$work/at" 'cannot be' daos_server start --dir "$work/at/dangling/x"
untouched "$work/at" 'not empty and not ours' daos_server start --dir "$work/at/foreign"
untouched "$work/at" 'not empty and not ours' daos_server start --dir "$work/at/foreign" --detach
untouched "$work/at" 'cannot be used: is it a directory' daos_server start --dir "$work/at/odd"
untouched "$work/at" 'directory of logs' daos_server start --dir "$work/at/logs"
untouched "$work/at" '0 targets' daos_server start --dir "$work/at/new" -t 0
untouched "$work/at" 'too many' daos_server start --dir "$work/at/new" -t 4294967297
untouched "$work/at" 'cannot name a system' daos_server start --dir "$work/at/new" -g "$(head -c 40 /dev/zero | tr '\0' x)"
untouched "$work/at" 'absolute path' daos_server start --dir "$work/at/new" -s relative
untouched "$work/at" 'too deep.*--socket_dir' daos_server start --dir "$work/at/$(head -c 90 /dev/zero | tr '\0' d)"
refuses 'the directory' daos_server stop --dir "$work/none"
refuses 'is missing' daos_engine
refuses 'takes a whole number' daos_engine -s "$work/at" -t -1
refuses 'takes a whole number' daos_engine -s "$work/at" -t 1x
refuses 'is not known: file or ram' daos_engine -s "$work/at" -c paper
DAOS_ENGINE=$work/none refuses 'cannot be run' daos_server start --dir "$work/unrun" --detach
DAOS_ENGINE=/bin/false timeout 60 "$bin/daos_server" start --dir "$work/false" >"$work/false.out" 2>&1 </dev/null & # takes ten starts, 20 s
unrun=$!

echo "== a store"
store=$work/s
export DAOS_AGENT_DRPC_DIR=$store/run
python3 -c '
import socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
time.sleep(600)' >"$work/port" &
listener=$!
while [[ ! -s $work/port ]]; do sleep 0.05; done
printf 'engines:\n- targets: 1\n  fabric_iface_port: %d\n' "$(cat "$work/port")" >"$work/port.yml"
says 'is open' daos_server start --dir "$store" -o "$work/port.yml" --detach # the next port is taken
before=$(sums "$store/storage")
refuses 'another daos_server \(process [0-9]+\)' daos_server start --dir "$store"
refuses 'another daos_server \(process [0-9]+\)' daos_server start --dir "$store" --detach
refuses 'another daos_server' daos_server start --dir "$work/other" -d "$store/run"
[[ ! -e $work/other ]] || wrong "$work/other was made by a start that was refused"
refuses 'larger --size' dmg pool create --size=1MiB tiny
refuses 'smaller --size|free' dmg pool create --size=900TiB huge
refuses 'smaller --size|free' dmg pool create --scm-size=900TiB --nvme-size=18446744073709551615 huge
refuses 'cannot be a label' dmg pool create --size=1GiB "$(head -c 128 /dev/zero | tr '\0' l)"
refuses 'not a value|no pool property' dmg pool create --size=1GiB -P rd_fac:99999999999999999999 tank
refuses 'no such|there is no' dmg pool create --size=1GiB --ranks=5 tank
refuses 'cannot be read' dmg pool create --size=1GiB --acl-file="$work/none" tank
printf 'A::nobody@\nA;;;;;\n' >"$work/acl"
refuses 'acl' dmg pool create --size=1GiB --acl-file="$work/acl" tank
[[ $("$bin/dmg" pool list) == *'No pools'* ]] || wrong "a refused pool is there"
good dmg pool create --scm-size=64MiB --nvme-size=64MiB tank
good daos container create --type POSIX tank home
for name in tonk '' '../tank' 00000000-0000-0000-0000-000000000000 "$(head -c 1000 /dev/zero | tr '\0' p)" 'a b'; do
	refuses 'no pool|there is no|label' daos pool query "$name"
	refuses 'no pool|there is no|label' dmg pool query "$name"
	refuses 'no container|label|there is no' daos container query tank "$name"
	refuses 'no pool|there is no|label' daos container list "$name"
done
refuses 'rank' dmg system stop --ranks=1-99999
refuses 'wants ranks' dmg system stop --ranks=5-2
refuses 'no object id|not an object' daos object query tank home 1.2.3
head -c 90000 /dev/urandom | base64 -w 0 >"$work/big"
run daos container set-attr tank home --attr=big --value="$(cat "$work/big")"
[[ $status -le 1 ]] || wrong "an attribute of 120 KiB"
good daos container set-attr tank home --attr=odd --value=$'\xff\x1b[31m'
good daos container get-attr tank home odd
grep -q $'\x1b' "$work/out" && wrong "a value drives the terminal"
run daos -j container get-attr tank home odd
python3 -m json.tool <"$work/out" >/dev/null || wrong "no JSON of an odd value"

echo "== mount points"
if [[ -w /dev/fuse ]]; then
	mkdir "$work/mnt" "$work/full"
	echo x >"$work/full/x"
	refuses 'does not exist' dfuse "$work/none" tank home
	refuses 'is no directory' dfuse "$work/full/x" tank home
	untouched "$work/full" 'not empty' dfuse "$work/full" tank home
	refuses 'no pool' dfuse "$work/mnt" tonk home
	refuses 'no container' dfuse "$work/mnt" tank hone
	refuses 'is missing' dfuse "$work/mnt" tank
	DAOS_AGENT_DRPC_DIR=$work/none refuses 'Start the store' dfuse "$work/mnt" tank home
	good daos container create tank plain
	refuses 'file system' dfuse "$work/mnt" tank plain
	good dfuse "$work/mnt" tank home
	refuses 'mounted.*already' dfuse "$work/mnt" tank home

	echo "== a full pool"
	dd if=/dev/urandom of="$work/mnt/fill" bs=1M count=200 2>"$work/err" && wrong "200 MiB went into a pool of 64 MiB"
	grep -q 'No space left' "$work/err" || wrong "a full pool does not say ENOSPC"
	# Small values lie in the heap and still find room.
	for i in $(seq 100); do head -c 3000 /dev/zero >"$work/mnt/small.$i" 2>"$work/err" || break; done
	dd if=/dev/urandom of="$work/mnt/more" bs=1M count=4 2>"$work/err" && wrong "4 MiB went into a full pool"
	grep -q 'No space left' "$work/err" || wrong "a full pool does not say ENOSPC again"
	says 'tank' dmg pool query tank
	size=$(stat -c %s "$work/mnt/fill")
	[[ $(head -c "$size" "$work/mnt/fill" | wc -c) -eq $size ]] || wrong "what was written before is not readable"
	rm "$work/mnt/fill" "$work"/mnt/small.* "$work/mnt/more" 2>"$work/err" || wrong "deleting in a full pool"
	fusermount3 -u "$work/mnt"
	for _ in $(seq 100); do # dfuse ends its session
		"$bin/daos" container destroy --force tank home >"$work/out" 2>"$work/err" && break
		sleep 0.1
	done
	good daos container create --type POSIX tank home
	for _ in $(seq 100); do # what was destroyed becomes free by and by
		free=$("$bin/dmg" -j pool query tank | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"]["tier_stats"][1]["free"])')
		[[ $free -gt $((40 << 20)) ]] && break
		sleep 0.1
	done
	[[ $free -gt $((40 << 20)) ]] || wrong "only $free bytes are free 10 s after everything was deleted"
	json=$("$bin/dmg" -j system query)
	[[ $json == *'"restarts":0'* ]] || wrong "the engine did not survive a full pool"
fi
good daos_server stop --dir "$store"
refuses 'no agent answers' daos pool list
refuses 'no server answers' dmg pool list
DAOS_AGENT_DRPC_DIR=$work/$(head -c 200 /dev/zero | tr '\0' d) refuses 'too long|no agent' daos pool list
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(sys.argv[1])' "$store/run/daos_agent.sock"
refuses 'no agent answers' daos pool list # a socket that nobody listens at
says 'is open' daos_server start --dir "$store" --detach
good daos container query tank home
good daos_server stop --dir "$store"

echo "== damaged and foreign stores"
flip() { printf '\x5a' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
pool=$(cd "$store/storage" && echo ????????-*)
sys=$(cd "$store/storage/daos_sys" && echo 64616f73-*)
svc=$(cd "$store/storage/daos_sys" && echo ????????-* | tr ' ' '\n' | grep -v ^64616f73)
damaged() { # what to do in storage/, words of the refusal: the storage is not changed
	rm -rf "$work/c"
	cp -a --sparse=always "$store" "$work/c"
	(cd "$work/c/storage" && eval "$1")
	untouched "$work/c/storage" "$2" daos_server start --dir "$work/c" --detach "${@:3}"
}
wrecked() { # what to do: the engine starts, the pool is shown as damaged, and none of its files goes
	local files
	rm -rf "$work/c"
	cp -a --sparse=always "$store" "$work/c"
	(cd "$work/c/storage" && eval "$1")
	files=$(cd "$work/c/storage" && find . -type f | sort)
	export DAOS_AGENT_DRPC_DIR=$work/c/run
	good daos_server start --dir "$work/c" --detach
	says "$pool .*Damaged" dmg pool list
	refuses 'no pool|nor any' daos container list tank
	says "$pool .*Damaged" daos pool list
	says "$pool .*Damaged" daos pool list --no-query
	refuses 'is damaged' daos container list "$pool"
	refuses 'force' dmg pool destroy "$pool"
	[[ $files == "$(cd "$work/c/storage" && find . -type f | sort)" ]] || wrong "files of a damaged pool went: $1"
	[[ -z ${2:-} ]] || { good dmg pool destroy --force "$pool"; says 'No pools' dmg pool list; }
	good daos_server stop --dir "$work/c"
	export DAOS_AGENT_DRPC_DIR=$store/run
}
damaged 'flip bio_device 9' 'bio_device: .* damaged'
damaged 'truncate -s 100 bio_device' 'bio_device: 100 bytes'
damaged 'flip daos_sys/bio_device 40' 'bio_device: .* damaged'
damaged "flip daos_sys/$sys/vos-1024.meta 20" 'blob header is damaged'
damaged "flip daos_sys/$sys/vos-1024.meta 4100; flip daos_sys/$sys/vos-1024.meta 8200" 'no superblock is whole'
damaged "truncate -s 8M daos_sys/$sys/vos-1024.wal" 'the header says'
damaged "rm daos_sys/$sys/vos-1024.meta" 'is missing, though there are pools'
damaged 'rm -r daos_sys/*-*' 'is missing, though there are pools'
damaged 'truncate -s 20 keys' 'keys cannot be understood'
damaged 'sed -i "s/superblock 1/superblock 2/" superblock' 'newer version'
damaged 'head -c 100 /dev/urandom >superblock' 'damaged or not ours'
damaged ': >superblock' 'damaged or not ours'
damaged 'rm superblock' 'not empty and not ours'
damaged 'sed -i "s/system daos_server/system other/" superblock' 'another system'
damaged 'sed -i "s/class file/class ram/" superblock' 'another system, class'
damaged 'sed -i "s/targets 1/targets 7/" superblock' 'number of targets' -t 1
wrecked "flip $pool/vos-0.meta 20"
wrecked "flip $pool/vos-0.meta 4100; flip $pool/vos-0.meta 8200"
wrecked "truncate -s 8M $pool/vos-0.data"
wrecked "rm $pool/vos-0.meta"
wrecked "rm $pool/vos-0.wal"
wrecked "flip daos_sys/$svc/vos-1024.meta 20"
wrecked "rm daos_sys/$svc/vos-1024.meta"
wrecked "rm -r daos_sys/$svc" destroy

echo "== a full disk"
cat >"$work/full.sh" <<'SH'
mount -t tmpfs -o size=200m none "$1" || exit 77
export DAOS_AGENT_DRPC_DIR=$1/s/run
"$2/daos_server" start --dir "$1/s" -t 1 --detach || exit 1
"$2/dmg" pool create --size=8GiB tank && exit 2
"$2/dmg" pool create tank && exit 3
fallocate -l "$(($(df --output=avail -B1 "$1" | tail -n 1) - 1048576))" "$1/fill" 2>/dev/null ||
	dd if=/dev/zero of="$1/fill" bs=1M 2>/dev/null
"$2/dmg" system query | grep -q joined || exit 4
"$2/dmg" pool create --scm-size=64MiB --nvme-size=64MiB tank && exit 5
"$2/daos_server" stop --dir "$1/s" || exit 6
"$2/daos_server" start --dir "$1/s" --detach || exit 7
"$2/dmg" system query | grep -q joined || exit 8
"$2/daos_server" stop --dir "$1/s" || exit 9
rm -r "$1/s"
dd if=/dev/zero of="$1/fill2" bs=1M 2>/dev/null
mkdir -p "$1/t"
"$2/daos_server" start --dir "$1/t" -t 1 --detach && exit 10
rm "$1/fill" "$1/fill2"
rm -rf "$1/t"
"$2/daos_server" start --dir "$1/t" -t 1 --detach || exit 11
"$2/daos_server" stop --dir "$1/t" || exit 12
SH
mkdir "$work/tmpfs"
checks=$((checks + 1))
from=$SECONDS
unshare -m bash "$work/full.sh" "$work/tmpfs" "$bin" >"$work/out" 2>"$work/err" || { status=$?
	[[ $status -eq 77 || $status -eq 1 && ! -s $work/out ]] && { status=0
	unshare -Urm bash "$work/full.sh" "$work/tmpfs" "$bin" >"$work/out" 2>"$work/err" || status=$?; }
	[[ $status -eq 77 ]] && echo "   not looked at: no tmpfs can be mounted here"
	[[ $status -eq 0 || $status -eq 77 ]] || wrong "a full disk: step $status"; }
grep -q 'NOSPACE\|smaller --size' "$work/err" || [[ ${status:-0} -eq 77 ]] || wrong "a full disk is not named"
[[ $((SECONDS - from)) -lt 60 ]] || wrong "a full disk took $((SECONDS - from)) s"

wait "$unrun" && wrong "an engine that ends at once is taken for good"
grep -q 'given up after 10 deaths in a row: it ended with status 1; see .*log' "$work/false.out" || { cp "$work/false.out" "$work/err"; wrong "why it was given up"; }
echo "$checks checks, $failed failed"
[[ $failed -eq 0 ]]

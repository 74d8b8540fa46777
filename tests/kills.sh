#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real kills: two writers through libdaos (one synchronous, one with 32 operations in flight) and two through a mount, while the engine is killed
# with SIGKILL in mid-write, ROUNDS times; in some rounds the whole store with its server is killed, the system is stopped and started, or the writers
# and the mount are killed as well. Every round ends when at least 200 operations were acknowledged in it. What is expected is in logs
# outside the store. Nothing acknowledged may be lost, nothing removed may come back, nothing may be made up, nothing be done by half,
# and no writer may see an error (create O_EXCL, mkdir, rename, link, unlink included).   tests/kills.sh BUILD [ROUNDS]
# How much is written does not depend on how fast the machine is: each phase says how much may be begun in it, and a writer itself kills when it begins
# the operation that the phase names (kills.h). Versions that were overwritten keep their space, so the pool is told at the end how full it is.
set -uo pipefail
build=$(cd "$1" && pwd)
rounds=${2:-50}
bin=$build/src
work=$(mktemp -d /tmp/kills.XXXXXX)
store=$work/store
mnt=$work/mnt
logs=$work/logs
export DAOS_AGENT_DRPC_DIR=$store/run
export D_LOG_FILE=$work/client.log
mkdir "$store" "$mnt" "$mnt.2" "$logs"
pids=()
held=0

end() {
	local pid
	for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done
	fusermount3 -qzu "$mnt" 2>/dev/null
	fusermount3 -qzu "$mnt.2" 2>/dev/null
	"$bin/daos_server" stop --dir "$store" >/dev/null 2>&1
	if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap end EXIT

wrong() {
	echo "FAILED: $*"
	for i in 0 1 2 3; do [[ -s $logs/$i.err ]] && sed "s/^/    writer $i: /" "$logs/$i.err"; done
	tail -n 5 "$store"/log/*.log 2>/dev/null | cut -c1-240 | sed 's/^/    /'
	exit 1
}

engine_pid() { # waits for an engine that serves
	local i pid
	for ((i = 0; i < 600; i++)); do
		pid=$(awk '$1 == "pid" {pid = $2} $1 == "state" {state = $2} END {if (state == "joined") print pid}' "$store/daos_server.state" 2>/dev/null)
		[[ -n $pid && -d /proc/$pid ]] && { echo "$pid"; return 0; }
		sleep 0.05
	done
	return 1
}

counts() { # acked[], begun[], holds[] of the writers; total
	local i a b h
	total=0
	for i in 0 1 2 3; do
		read -r a b h 2>/dev/null <"$logs/$i.count" || { a=0 b=0 h=0; }
		acked[i]=$((10#${a:-0})) begun[i]=$((10#${b:-0})) holds[i]=$((10#${h:-0}))
		total=$((total + acked[i]))
	done
}
acked=() begun=() holds=()

start_writers() {
	"$bin/kills_lib" write tank box "$logs/0" 0 1 2>>"$logs/0.err" &
	pids[0]=$!
	"$bin/kills_lib" write tank box "$logs/1" 1 32 2>>"$logs/1.err" &
	pids[1]=$!
	"$bin/kills_fs" write "$mnt" "$logs/2" 2 2>>"$logs/2.err" &
	pids[2]=$!
	"$bin/kills_fs" write "$mnt" "$logs/3" 3 2>>"$logs/3.err" &
	pids[3]=$!
	disown -a
}

alive() {
	local i
	for i in 0 1 2 3; do [[ -d /proc/${pids[i]} ]] || wrong "round $round: writer $i ended: it saw an error"; done
}

wait_acks() { # until that many in all, and each writer at least 5 more than in base[]
	local i late=$((SECONDS + 90)) good
	while :; do
		counts
		good=1
		for i in 0 1 2 3; do ((acked[i] >= base[i] + 5)) || good=0; done
		((good && total >= $1)) && return
		((SECONDS < late)) || wrong "round $round: only $total operations were acknowledged, $1 wanted (acknowledged ${acked[*]}, begun ${begun[*]})"
		alive
		sleep 0.02
	done
}

hold() { # nothing is under way
	local i late=$((SECONDS + 90)) good=0
	held=$((held + 1))
	echo "$held" >"$logs/hold.new" && mv "$logs/hold.new" "$logs/hold"
	until ((good)); do
		counts
		good=1
		for i in 0 1 2 3; do ((holds[i] == held)) || good=0; done
		((SECONDS < late)) || wrong "round $round: operations do not end (acknowledged ${acked[*]}, begun ${begun[*]})"
		alive
		((good)) || sleep 0.01
	done
}

check() { # verb (check, resolve), directory, every, which
	local i checks=() bad=0
	for i in 0 1; do
		timeout 100 "$bin/kills_lib" "$1" tank box "$logs/$i" "$i" "$3" "$4" >>"$work/checks" 2>&1 &
		checks+=($!)
	done
	for i in 2 3; do
		timeout 100 "$bin/kills_fs" "$1" "$2" "$logs/$i" "$i" "$3" "$4" >>"$work/checks" 2>&1 &
		checks+=($!)
	done
	for i in "${checks[@]}"; do wait "$i" || bad=1; done
	((bad == 0)) || { tail -n 40 "$work/checks"; wrong "round $round: the store does not hold what it acknowledged ($1 $3 $4)"; }
}

mount() { "$bin/dfuse" "$@" --pool tank --container files >"$work/mount" 2>&1 || { cat "$work/mount"; wrong "round $round: no mount"; }; }

phase() { # operations of all together, which operation kills, whom (0: nobody)
	number=$((number + 1))
	allowed=$((allowed + $1 + 4 * own + 4))
	echo "$number $1 $own $2 $3" >"$logs/phase.new" && mv "$logs/phase.new" "$logs/phase"
}
number=0 allowed=0 own=25

wait_killed() { # until it was done in this phase; under_way, killed_ns
	local late=$((SECONDS + 90)) which
	while :; do
		read -r which under_way killed_ns 2>/dev/null <"$logs/killed" && [[ $which == "$number" ]] && return
		((SECONDS < late)) || { counts; wrong "round $round: nobody came to kill (acknowledged ${acked[*]}, begun ${begun[*]})"; }
		alive
		sleep 0.02
	done
}

used() { # tier of the pool: how full it is, in percent
	"$bin/dmg" -j pool query tank |
		python3 -c 'import json, sys; t = json.load(sys.stdin)["response"]["tier_stats"][int(sys.argv[1])]; print(100 - 100 * t["free"] // t["total"])' "$1"
}

round=0
"$bin/daos_server" start --dir "$store" -t 2 --detach >"$work/out" 2>&1 || { cat "$work/out"; wrong "no store"; }
"$bin/dmg" pool create --size="${KILLS_POOL:-4GiB}" tank >"$work/out" 2>&1 || { cat "$work/out"; wrong "no pool"; }
"$bin/daos" container create tank box >"$work/out" 2>&1 || { cat "$work/out"; wrong "no container"; }
"$bin/daos" container create --type=POSIX tank files >"$work/out" 2>&1 || { cat "$work/out"; wrong "no container"; }
mount "$mnt"
phase 200 0 0
start_writers
base=(0 0 0 0)
wait_acks 0

in_flight=0 kills=0 stores=0 stops=0 clients=0 least=0 most=0 most_ms=0
for ((round = 1; round <= rounds; round++)); do
	counts
	base=("${acked[@]}")
	first=$total
	if ((round % 10 == 7)); then # stopped by the administrator in mid-write, then the engine is killed
		phase 1000 0 0
		wait_acks $((total + 60))
		"$bin/dmg" system stop >"$work/out" 2>&1 || { cat "$work/out"; wrong "round $round: dmg system stop"; }
		"$bin/dmg" system start >"$work/out" 2>&1 || { cat "$work/out"; wrong "round $round: dmg system start"; }
		stops=$((stops + 1))
	fi
	pid=$(engine_pid) || wrong "round $round: no engine serves"
	victim=$pid
	((round % 10 == 3)) && victim=$(awk '$1 == "pid" {print $2; exit}' "$store/daos_server.state") && stores=$((stores + 1)) # the whole store
	phase 400 $((60 + RANDOM % 140)) "$victim"
	wait_killed
	while [[ -d /proc/$pid ]]; do sleep 0.01; done
	kills=$((kills + 1))
	in_flight=$((in_flight + under_way))
	((under_way > 0)) || wrong "round $round: nothing was under way at the kill"
	counts
	base=("${acked[@]}")
	if ((round % 10 == 3)); then "$bin/daos_server" start --dir "$store" --detach >"$work/out" 2>&1 || { cat "$work/out"; wrong "no start"; }; fi
	if ((round % 25 == 0)); then # the writers and the mount die too: what was in flight is there or not
		kill -9 "${pids[@]}" "$(pgrep -f "^$bin/dfuse $mnt --pool")"
		for i in 0 1 2 3; do while [[ -d /proc/${pids[i]} ]]; do sleep 0.01; done; done
		clients=$((clients + 1))
		fusermount3 -qzu "$mnt"
		mount "$mnt"
		check resolve "$mnt" 1 0
		counts
		base=("${acked[@]}")
		start_writers
	fi
	phase 200 0 0
	wait_acks $((first + 200))
	ms=$((($(date +%s%N) - killed_ns) / 1000000))
	((ms > 3000)) && echo "round $round: $ms ms"
	((ms > most_ms)) && most_ms=$ms
	hold
	((least == 0 || total - first < least)) && least=$((total - first))
	((total - first > most)) && most=$((total - first))
	if ((round % 10 == 5)); then # another mount, which has no cache of what was written
		mount "$mnt.2"
		check check "$mnt.2" 1 0
		fusermount3 -qu "$mnt.2"
	else
		check check "$mnt" 4 "$round"
	fi
	rm "$logs/hold"
done

hold
touch "$logs/stop"
rm "$logs/hold"
for i in 0 1 2 3; do
	for ((t = 0; t < 1000; t++)); do
		[[ -d /proc/${pids[i]} ]] || break
		sleep 0.02
	done
	[[ -s $logs/$i.err ]] && wrong "writer $i complained"
done
fusermount3 -qu "$mnt"
mount "$mnt.2"
check check "$mnt.2" 1 0
counts
((begun[0] + begun[1] + begun[2] + begun[3] <= allowed)) || wrong "operations begun: ${begun[*]}, more than the $allowed that were allowed"
metadata=$(used 0) data=$(used 1)
((${metadata:-100} <= 50 && ${data:-100} <= 50)) || wrong "the pool is too full: metadata $metadata %, data $data %"
echo "$kills kills of the engine ($stores with its server), $stops stops, $clients times all clients; $total operations acknowledged, $least to $most a round; " \
	"$in_flight in flight at the kills; at most $most_ms ms from a kill to the end of its round; the pool is used by $metadata % (metadata), $data % (data)"

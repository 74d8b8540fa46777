#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The programs as people call them: command lines that are wrong, envelopes, and a real store that starts, is hurt, and stops.
#   programs.sh BIN     BIN: where daos_server, daos_engine, dmg and daos_metrics are
set -u
bin=$1
tmp=$(mktemp -d /tmp/programs-XXXXXX)
failed=0
unset DAOS_AGENT_DRPC_DIR
trap 'for d in "$tmp"/*/; do "$bin/daos_server" stop --dir "$d" >/dev/null 2>&1; done; rm -rf "$tmp"' EXIT

# want STATUS PATTERN COMMAND...: the exit status, and a pattern in what it says
want() {
	local status=$1 pattern=$2 said rc
	shift 2
	said=$(timeout 100 "$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc -ne "$status" ] || ! grep -qE -- "$pattern" <<<"$said"; then
		echo "FAILED: ${*#$bin/}"
		echo "  wanted $status and '$pattern', got $rc and: $said"
		failed=1
	fi
}
dmg() { local s=$1 p=$2; shift 2; want "$s" "$p" "$bin/dmg" "$@"; }
server() { local s=$1 p=$2; shift 2; want "$s" "$p" "$bin/daos_server" "$@"; }

# ---- command lines
dmg 2 "which command" system -v
dmg 0 "pool create <label>" --help
dmg 0 "Usage: dmg pool <command>" pool --help
dmg 0 "Example:" pool create --help
dmg 2 "unknown command 'pol': did you mean pool" pol list
dmg 2 "unknown command 'pool craete': did you mean create" pool craete
dmg 2 "unknown command 'frobnicate'" frobnicate
dmg 2 "unknown option --sise: did you mean --size" pool create --sise=8GiB tank
dmg 2 "unknown option -Q" pool list -Q
dmg 2 "argument is missing.*pool query <pool label" pool query
dmg 2 "one argument too many" pool query a b
dmg 2 "label of the new pool is missing" pool create
dmg 2 "cannot be a label" pool create -z 1GiB 'no spaces'
dmg 2 "wants a size" pool create --size=lots tank
dmg 2 "1% to 100%" pool create --size=200% tank
dmg 2 "exclude each other" pool create --size=1GiB --scm-size=1GiB tank
dmg 2 "shares that make 100" pool create --size=1GiB -t 50,60 tank
dmg 2 "no pool property 'colour'" pool create -z 1GiB -P colour:red tank
dmg 2 "not a value of rd_fac" pool set-prop tank rd_fac:lots
dmg 2 "wants a number" pool create -z 1GiB --nsvc=x tank
dmg 2 "wants ranks" system stop --ranks=all
dmg 2 "takes no value" system stop --force=yes
dmg 2 "wants a value" pool create tank -z
dmg 0 "version [0-9]" version
dmg 0 '"status":0' -j version
dmg 2 '"status":-1003' -j pool query
DAOS_AGENT_DRPC_DIR=$tmp/none dmg 1 "no server answers at $tmp/none/daos_agent.sock.*daos_server start" system query
DAOS_AGENT_DRPC_DIR=$tmp/none dmg 1 '"response":null' -j system query
dmg 1 "cannot begin: .*look at --log-file=" pool get-prop --log-file="$tmp/none/log" tank label
dmg 1 "other hosts cannot be reached" storage scan -l node1
echo 'hostlist: [node17]' >"$tmp/control.yml"
dmg 1 "control.yml: hostlist names 'node17'" -o "$tmp/control.yml" system query
server 2 "give --dir DIR" start --ignore-config
server 2 "unknown option --targtes: did you mean --targets" start --targtes=2
server 1 "0 targets" start --dir "$tmp/zero" -t 0
server 1 "too deep.*--socket_dir" start --dir "$(mkdir -p "$tmp/$(printf 'd%.0s' {1..90})" && echo "$tmp/$(printf 'd%.0s' {1..90})")"
printf 'name: x\nengines:\n- tragets: 1\n' >"$tmp/bad.yml"
server 1 "bad.yml: .*tragets" start -o "$tmp/bad.yml"
server 1 "no such file|cannot be read" start -o "$tmp/none.yml"
server 0 "no daos_server runs" stop --dir "$tmp"
want 1 "there is no .*metrics_engine_0" "$bin/daos_metrics" --dir "$tmp"
head -c 8192 /dev/urandom >"$tmp/noise"
want 1 "not a telemetry file" "$bin/daos_metrics" --file "$tmp/noise"

# ---- a store
if [ -x "$bin/daos_engine" ]; then
	server 0 "daos_server is open" start --dir "$tmp/a" --detach
	server 1 "another daos_server \(process [0-9]+\)" start --dir "$tmp/a"
	server 0 "daos_server is open" start --dir "$tmp/b" --detach -t 1 -g other
	export DAOS_AGENT_DRPC_DIR=$tmp/a/run
	dmg 0 "joined" system query
	dmg 0 '"state":"joined"' -j system query
	dmg 1 "there is no rank 7" system query --ranks=7
	dmg 0 "file +yes" storage scan
	dmg 1 "is formatted already" storage format
	dmg 0 "No pools" pool list
	dmg 0 "Pool created: tank" pool create --size=1GiB tank
	dmg 1 "there is a pool 'tank' already" pool create --size=1GiB tank
	dmg 1 "there is no pool 'tonk'" pool query tonk
	dmg 0 "Ready" pool query tank
	DAOS_AGENT_DRPC_DIR=$tmp/b/run dmg 0 "No pools" pool list
	pid=$(awk '/^pid/ {p = $2} END {print p}' "$tmp/a/daos_server.state")
	kill -9 "$pid"
	dmg 0 "tank" pool list
	dmg 0 '"restarts":1' -j system query
	dmg 0 "stop +OK +stopped" system stop
	dmg 0 "start +OK +joined" system start
	dmg 0 "tank" pool list
	server 0 "stopped" stop --dir "$tmp/a"
	server 0 "daos_server is open" start --dir "$tmp/a" --detach
	dmg 0 "tank" pool list
	dmg 0 "Pool destroyed" pool destroy --recursive tank
	dmg 0 "No pools" pool list
	server 0 "stopped" stop --dir "$tmp/b"
	server 0 "stopped" stop --dir "$tmp/a"
	dmg 1 "no server answers" pool list
fi
[ $failed -eq 0 ] && echo "all as it should be"
exit $failed

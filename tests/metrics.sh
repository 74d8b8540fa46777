#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Telemetry end to end: daos_metrics prints a tree, CSV and JSON; counters grow with I/O; a killed engine and a stopped one are told apart
# from a running one, and the next has a file of its own; metrics of a pool go with it; logs keep their bound.   tests/metrics.sh BUILD
set -uo pipefail
build=$(cd "$1" && pwd)
bin=$build/src
work=$(mktemp -d /tmp/metrics.XXXXXX)
store=$work/store
failed=0
checks=0
mkdir "$store" "$work/mnt"
export DAOS_AGENT_DRPC_DIR=$store/run

end() {
	fusermount3 -u -q -z "$work/mnt" 2>/dev/null
	"$bin/daos_server" stop --dir "$store" >/dev/null 2>&1
	rm -rf "$work"
}
trap end EXIT

wrong() {
	echo "FAILED: $*"
	sed 's/^/    /' "$work/out" "$work/err" 2>/dev/null | tail -n 20
	failed=$((failed + 1))
}

run() {
	local program=$1
	shift
	timeout 120 "$bin/$program" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	checks=$((checks + 1))
}

good() { run "$@"; [[ $status -eq 0 ]] || wrong "status $status instead of 0: $*"; }
says() { good "${@:2}"; grep -qE -- "$1" "$work/out" || wrong "no '$1' from: ${*:2}"; }
refuses() { # words of the message, command
	run "${@:2}"
	[[ $status -eq 1 ]] || wrong "status $status instead of 1: ${*:2}"
	grep -qE -- "$1" "$work/err" || wrong "no '$1' in the message of: ${*:2}"
	[[ ! -s $work/out ]] || wrong "values besides: ${*:2}"
}

# An expression about m: {path: metric}; asked again for up to 15 s, since the engine looks at some things every 2 s.
holds() {
	local n
	checks=$((checks + 1))
	for n in $(seq 75); do
		if "$bin/daos_metrics" -j >"$work/out" 2>"$work/err" && python3 - "$work/out" "$1" <<'PY' 2>>"$work/err"
import json, sys
e = json.load(open(sys.argv[1]))
m = {x["name"]: x for x in e["response"]}
total = lambda *words: sum(x["value"] for p, x in m.items() if all(w in p for w in words))
samples = lambda *words: sum(x.get("samples", 0) for p, x in m.items() if all(w in p for w in words))
sys.exit(0 if eval(sys.argv[2]) else 1)
PY
		then return; fi
		sleep 0.2
	done
	head -c 300 "$work/out" >"$work/cut" && mv "$work/cut" "$work/out"
	wrong "never true: $1"
}

value() { "$bin/daos_metrics" -j "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"][0]["value"])'; }
engine() { "$bin/dmg" -j system query | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"]["members"][0]["pid"])'; }

echo "== before anything runs"
refuses 'is the engine running' daos_metrics

echo "== a tree, CSV, JSON"
good daos_server start --dir "$store" -t 2 --detach
says '^rank: 0$' daos_metrics rank
says '^started_at: 20[0-9]{2}-.*Z$' daos_metrics --timestamp
says '^started_at: timestamp, s$' daos_metrics --list
says '^  Time of the last start$' daos_metrics --meta started_at
says '^name,type,value,min,max,mean,sample_size,sum,std_dev,unit,description$' daos_metrics --csv
python3 - "$work/out" <<'PY' || wrong "not a table of 11 columns"
import csv, sys
rows = list(csv.reader(open(sys.argv[1])))
assert len(rows) > 20 and all(len(r) == 11 for r in rows), [r for r in rows if len(r) != 11][:3]
assert len({r[0] for r in rows}) == len(rows)
PY
says '^io/ops/update/latency/tgt_1,duration,ns,' daos_metrics -C -l io
holds 'm["rank"]["type"] == "gauge" and m["started_at"]["value"] > 1.7e9 and {"unit", "description"} <= set(m["rank"])'
says '^io/ops/fetch/active/tgt_0' daos_metrics --path 'io/*/tgt_0' --gauge
refuses "no metric 'nope'" daos_metrics nope
first=$(value started_at)

echo "== counters grow with what is done"
good dmg pool create --size=1GiB tank
good daos container create --type=POSIX tank home
uuid=$("$bin/dmg" -j pool query tank | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"]["uuid"])')
holds "m['pool/$uuid/svc/leader']['value'] == 0 and m['pool/$uuid/svc/total_targets']['value'] == 2"
holds "m['pool/$uuid/ops/cont_create']['value'] == 1 and m['pool/$uuid/ops/pool_connect']['value'] >= 1"
good dfuse -m "$work/mnt" --pool tank --container home
head -c 8M /dev/urandom >"$work/data"
cp "$work/data" "$work/mnt/data"
sync "$work/mnt/data"
fusermount3 -u "$work/mnt"
good dfuse -m "$work/mnt" --pool tank --container home
cmp -s "$work/data" "$work/mnt/data" || wrong "what was read is not what was written"
holds "total('pool/$uuid/xferred/update') >= 8 << 20 and total('pool/$uuid/xferred/fetch') >= 8 << 20"
holds "samples('io/ops/update/latency') == total('pool/$uuid/ops/update') > 0 and total('io/ops/update/active') == 0"
holds "samples('io/latency/update/') == samples('io/ops/update/latency') and samples('io/latency/fetch/') > 0"
holds "any(sum(b['count'] for b in x['buckets']) == x['samples'] > 0 for p, x in m.items() if p.startswith('io/latency/update/1MB/'))"
holds "total('commands/data_bytes_written') >= 8 << 20 and total('_errors') == 0 and total('pool/$uuid/vos_space/nvme_used') >= 8 << 20"
holds "samples('pool/$uuid/checkpoint/duration') > 0 and total('pool/$uuid/vos_wal/committed') > 0"
before=$(value "pool/$uuid/ops/cont_open")
good daos container query tank home
holds "m['pool/$uuid/ops/cont_open']['value'] > $before and m['pool/$uuid/svc/open_pool_handles']['value'] >= 1"
fusermount3 -u "$work/mnt"

echo "== a pool takes its metrics along"
good dmg pool create --size=1GiB brief
brief=$("$bin/dmg" -j pool query brief | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"]["uuid"])')
good daos container create --type=POSIX brief x
holds "any(p.startswith('pool/$brief/svc') for p in m) and any(p.startswith('pool/$brief/') and 'tgt_' in p for p in m)"
good dmg pool destroy --recursive --force brief
holds "not any('$brief' in p for p in m) and any('$uuid' in p for p in m)"

echo "== an engine that is killed, and the next one"
pid=$(engine)
kill -9 "$pid"
for _ in $(seq 100); do [[ $(engine) != "$pid" && $(engine) != 0 ]] && break; sleep 0.1; done
holds "m['started_at']['value'] >= $first and m['rank']['value'] == 0 and m['servicing_at']['value'] > 0"
holds "total('pool/$uuid/xferred') == 0 and m['pool/$uuid/svc/total_targets']['value'] == 2" # a file of its own, nothing stale
good dfuse -m "$work/mnt" --pool tank --container home
cmp -s "$work/data" "$work/mnt/data" || wrong "what was read after the kill is not what was written"
fusermount3 -u "$work/mnt"
holds "total('pool/$uuid/xferred/fetch') >= 8 << 20"

echo "== an engine that has ended"
cp "$store/run/metrics_engine_0" "$work/alive"
good dmg system stop
refuses 'engine_0 has ended: nothing is measured now' daos_metrics
says '^rank: 0$' daos_metrics --last rank
grep -q 'engine_0 has ended' "$work/err" || wrong "last values without a word"
says '^rank: 0$' daos_metrics --file "$work/alive" rank
grep -q 'killed' "$work/err" || wrong "a process that is gone is not noticed"
good dmg system start
says '^rank: 0$' daos_metrics rank

echo "== logs keep their bound"
good daos_server stop --dir "$store"
D_LOG_SIZE=many refuses 'D_LOG_SIZE=many' daos_server start --dir "$store" --detach
rm -f "$store"/log/*
D_LOG_SIZE=1k D_LOG_MASK=DEBUG good daos_server start --dir "$store" --debug --detach
for n in $(seq 20); do # until both were put aside
	good dmg system stop
	good dmg system start
	[[ -e $store/log/daos_server.log.old && -e $store/log/daos_engine.0.log.old ]] && break
done
for log in daos_server.log daos_engine.0.log; do
	checks=$((checks + 1))
	[[ -s $store/log/$log.old ]] || wrong "$log was never put aside: $(stat -c %s "$store/log/$log")"
done
for n in 1 2 3; do
	good dmg system stop --force
	good dmg system start
done
[[ $(find "$store/log" -type f | wc -l) -le 4 ]] || wrong "too many logs: $(ls "$store/log")"
for log in "$store"/log/*; do # and one line more
	[[ $(stat -c %s "$log") -le 2048 ]] || wrong "$log has $(stat -c %s "$log") bytes"
	! grep -qvE '^20[0-9]{2}/' "$log" || wrong "$log has a line that is none"
done
good daos_server stop --dir "$store"
grep -q stopped "$store/log/daos_server.log" || wrong "the end is not in the server's log"

echo "$checks checks, $failed failed"
[[ $failed -eq 0 ]]

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command lines against a store of their own: daos_server, dmg, daos.   tests/cli.sh BUILD
set -uo pipefail
build=$(cd "$1" && pwd)
bin=$build/src
work=$(mktemp -d /tmp/cli.XXXXXX)
store=$work/store
failed=0
checks=0
mkdir "$store"
export DAOS_AGENT_DRPC_DIR=$store/run

end() {
	fusermount3 -u -q -z "$work/mnt" 2>/dev/null
	"$bin/daos_server" stop --dir "$store" >/dev/null 2>&1
	rm -rf "$work"
}
trap end EXIT

wrong() { # message: with what was printed
	echo "FAILED: $*"
	sed 's/^/    /' "$work/out" "$work/err" | tail -n 30
	failed=$((failed + 1))
}

run() { # program, arguments: what it prints is in out, err; its status in $status
	local program=$1
	shift
	timeout 120 "$bin/$program" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	checks=$((checks + 1))
}

good() { run "$@"; [[ $status -eq 0 ]] || wrong "status $status instead of 0: $*"; }
says() { good "${@:2}"; grep -qE -- "$1" "$work/out" || wrong "no '$1' from: ${*:2}"; }
silent_about() { good "${@:2}"; ! grep -qE -- "$1" "$work/out" || wrong "'$1' from: ${*:2}"; }
refuses() { # status, words of the message, command
	run "${@:3}"
	[[ $status -eq $1 ]] || wrong "status $status instead of $1: ${*:3}"
	grep -qE -- "$2" "$work/err" || wrong "no '$2' in the message of: ${*:3}"
	[[ $(wc -l <"$work/err") -le 2 ]] || wrong "more than a message: ${*:3}"
	if [[ $3 == daos || $3 == dmg ]]; then json 'e["status"] != 0' "${@:3}"; fi
}

json() { # expression about r (response) and e (envelope), command: run with -j
	run "$2" -j "${@:3}"
	python3 - "$work/out" "$1" "$status" <<'PY' || wrong "'$1' is false for: ${*:2}"
import json, sys
with open(sys.argv[1]) as f:
    e = json.load(f)
r = e["response"]
assert set(e) == {"response", "error", "status"}, e
assert (e["status"] == 0) == (e["error"] is None) == (int(sys.argv[3]) == 0), e
assert eval(sys.argv[2]), e
PY
}

echo "== without a store"
refuses 1 'no agent answers at .*daos_agent.sock.*DAOS_AGENT_DRPC_DIR=' daos pool list
refuses 1 'no server answers' dmg pool list
json 'e["status"] == -2034 and r is None' daos pool list
says 'daos version [0-9]+\.' daos version
for command in 'pool list' 'pool query' 'pool query-targets' 'pool set-attr' 'container create' 'container list' 'container query' \
	'container destroy' 'container get-prop' 'container set-prop' 'container set-attr' 'container create-snap' 'container destroy-snap' \
	'container get-acl' 'container clone' 'object query' 'system query' 'health check' 'filesystem copy' 'version'; do
	# shellcheck disable=SC2086
	says '^Example' daos $command --help
done
refuses 2 'did you mean' daos container create --tpye=POSIX tank home
refuses 2 'pool and container are needed' daos container destroy tank
refuses 2 'no object class' daos container create -t POSIX --oclass=X9 tank home
refuses 2 'add --type=POSIX' daos container create --chunk-size=1MiB tank home
refuses 2 'is none: POSIX' daos container create --type=NTFS tank home
refuses 2 'cannot be a label' daos container create tank 'ho me'
refuses 2 'no container property' daos container create --properties=nope:1 tank home
refuses 2 'not a value of rd_fac' daos container create --properties=rd_fac:77 tank home
refuses 2 '--hints wants' daos container create -t POSIX --hints=file:some tank home
refuses 2 'one of --snap, --epc' daos container destroy-snap tank home
refuses 2 'no object id' daos object query tank home 12
refuses 1 'not supported yet .DER_NOSYS' daos filesystem check tank home
json 'e["status"] == -1010' daos container rollback tank home --snap=monday
refuses 1 'not supported yet' daos container query --path=/tmp

echo "== commands of later versions say so, whatever their arguments"
for command in 'server set-logmasks -m DEBUG' 'storage query list-devices -b' 'storage set nvme-faulty --host=x -u 1' 'storage led check 1' \
	'config generate -a x' 'system leader-query' 'system exclude -r 1' 'system reint --ranks=1' 'system erase' 'system set-prop a:b' \
	'network scan' 'support collect-log' 'pool extend tank --ranks=1' 'pool drain tank --ranks=1' 'pool update-acl tank --entry=A::a@:r' \
	'pool upgrade tank' 'cont set-owner tank home -u a' 'telemetry metrics query -l x' 'check start -n' 'check repair 1 2 -f' 'firmware query'; do
	# shellcheck disable=SC2086
	refuses 1 'is not supported yet .DER_NOSYS' dmg $command
done
json 'e["status"] == -1010' dmg check query
for command in 'scm scan' 'nvme prepare -p 1' 'network scan' 'ms status' 'dump-topology' 'config generate' 'support collect-log'; do
	# shellcheck disable=SC2086
	refuses 1 'is not supported yet .DER_NOSYS' daos_server $command
done
refuses 1 'not supported yet' daos_server start --dir "$store" --syslog
refuses 1 'not supported yet' daos_server start --dir "$store" -J
refuses 1 'not supported yet' dmg storage format --replace
for command in 'storage scan' 'storage format' 'system query' 'system stop' 'system start' 'pool create' 'pool list' 'pool query' 'pool destroy' \
	'pool get-prop' 'pool set-prop' 'sto scan' 'sys query' 'pool ls'; do
	# shellcheck disable=SC2086
	says '^Example' dmg $command --help
done
refuses 2 'exclude each other' dmg system query -r 0 --rank-hosts=localhost
refuses 2 'exclude each other' dmg pool create -k 1 -r 0 --size=1GiB tank
refuses 2 'whole system' dmg system stop --full --force
for flag in '-t a' '-x a' '-T a' '-p a' '-I a' '-r a' '-H a' '-f a'; do
	# shellcheck disable=SC2086
	refuses 2 'takes a whole number' daos_engine -s "$work" -d "$work" -g x -n none -m vos $flag
done

echo "== a store before it is formatted"
cat >"$work/server.yml" <<YAML
name: daos_server
access_points: ['localhost']
socket_dir: $work/raw/run
control_log_file: $work/raw/server.log
engines:
- targets: 1
  storage:
  - class: file
    scm_mount: $work/raw/storage
YAML
mkdir -p "$work/raw/run" "$work/raw/storage"
"$bin/daos_server" start -o "$work/server.yml" >"$work/raw/out" 2>&1 &
raw=$!
trap 'kill $raw 2>/dev/null; end' EXIT
for _ in $(seq 100); do grep -q 'waits until' "$work/raw/out" && break; sleep 0.1; done
DAOS_AGENT_DRPC_DIR=$work/raw/run says '^0 +- +file +no ' dmg storage scan
DAOS_AGENT_DRPC_DIR=$work/raw/run says '^- +- +file +NEW ' dmg storage scan
DAOS_AGENT_DRPC_DIR=$work/raw/run json 'r["host_storage_map"]["0"]["storage"]["nvme_devices"][0]["dev_state"] == "NEW"' dmg storage scan -n
kill "$raw"
wait "$raw"
trap end EXIT

echo "== a store"
good daos_server start --dir "$store" -t 2 --detach
says '^[0-9a-f-]{36} +0 +file +NORMAL +0-1 ' dmg storage scan
says 'Errors +: 0 read, 0 write' dmg storage scan --nvme-health
json '[d["tgt_ids"] for d in r["host_storage_map"]["0"]["storage"]["smd_info"]["devices"]] == [[0, 1]] and r["host_errors"] == {}' dmg storage scan -n
json 'set(next(iter(r["host_storage_map"].values()))["storage"]) == {"nvme_devices", "scm_modules", "scm_namespaces", "scm_mount_points", "smd_info", "reboot_required", "mem_info"}' dmg sto scan -v
json 'set(r["members"][0]) >= {"rank", "incarnation", "uuid", "addr", "fabric_uri", "secondary_fabric_uris", "fabric_contexts", "state", "info", "fault_domain", "last_update"} and r["absent_hosts"] == ""' \
	dmg system query --rank-hosts=localhost
json 'r["members"] == [] and r["absent_hosts"] == "elsewhere"' dmg system query --rank-hosts=elsewhere
refuses 1 'runs on elsewhere' dmg system stop --rank-hosts=localhost,elsewhere
says '^0 +joined' dmg system query
refuses 1 'other hosts cannot be reached' dmg storage scan --host-list=elsewhere
refuses 1 'not 3 ranks' dmg pool create --nranks=3 --size=1GiB tank
refuses 1 "not 'other'" dmg pool create --sys=other --size=1GiB tank
refuses 1 "not 'other'" dmg pool destroy --sys=other tank
json 'r["system_name"] == "daos_server" and r["rank_uris"][0]["rank"] == 0' daos system query
says 'No pools' daos pool list
json 'r["pools"] == [] and r["status"] == 0' daos pool list
refuses 1 "no pool 'tank': there are no pools" daos pool query tank
good dmg pool create --size=1GiB tank
says '^tank +[0-9]+ MiB +Ready' daos pool list
says '^tank +Ready +idle' dmg pool list -r
json 'r["label"] == "tank" and set(r) >= {"query_mask", "state", "uuid", "total_targets", "active_targets", "total_engines", "disabled_targets", "version", "svc_ldr", "svc_reps", "rebuild", "tier_stats", "enabled_ranks", "disabled_ranks", "pool_layout_ver", "upgrade_layout_ver", "status"}' \
	dmg pool query -e -b tank
json 'len(r) == 1 and r[0]["value"] == "tank"' dmg pool get-prop tank label
good dmg pool set-prop tank reclaim:time
json 'r[0]["value"] == "time"' dmg pool get-prop tank reclaim
json 'r["pools"][0]["label"] == "tank" and r["pools"][0]["total_targets"] == 0 and r["pools"][0]["svc_reps"] == [0]' daos pool list -n
json 'r["pools"][0]["total_targets"] == 2 and r["pools"][0]["tier_stats"][1]["free"] > 0' daos pool list
json 'r["label"] == "tank" and r["state"] == "Ready" and r["total_targets"] == 2 and r["tier_stats"][0]["media_type"] == "scm"' daos pool query tank
json 'r["enabled_ranks"] == "[0]" and r["tier_stats"] == []' daos pool query -e -t tank
json 'len(r["infos"]) == 2 and r["infos"][0]["space"][1]["total"] > 0' daos pool query-targets tank --rank=0
refuses 1 "rank 9 is not in pool tank" daos pool query-targets tank --rank=9
refuses 1 "no pool 'tonk': pools are: tank" daos pool query tonk
says 'tank Ready' daos health check
refuses 1 'serves another system' daos --sys-name=other pool list

echo "== attributes of a pool"
good daos pool set-attr tank owner:alice,project:x
json 'r == ["owner", "project"]' daos pool list-attr tank
json 'r == {"name": "owner", "value": "alice"}' daos pool get-attr tank owner
good daos pool del-attr tank owner
refuses 1 "no attribute 'owner'" daos pool get-attr tank owner
refuses 1 "no attribute 'owner'" daos pool del-attr tank owner
silent_about owner daos pool lsattr tank

echo "== containers"
says 'has no containers' daos container list tank
good daos container create --type=POSIX --chunk-size=2MiB --file-oclass=S1 --mode=balanced --attrs=made:here tank home
json 'r["container_label"] == "home" and r["container_type"] == "POSIX" and r["chunk_size"] == 2 << 20 and r["file_object_class"] == "S1"' \
	daos container query tank home
json 'r["value"] == "here"' daos cont getattr tank home made
json 'r["container_type"] == "HDF5" and "chunk_size" not in r and r["health"] == "HEALTHY"' daos container create -t hdf5 --properties=cksum:crc32 tank data
json '[p["value"] for p in r] == ["crc32"]' daos cont get-prop tank data cksum
refuses 1 'has a container of that label' daos container create tank home
refuses 1 "no pool 'tonk': pools are: tank" daos container create tonk home
json 'sorted(c["label"] for c in r) == ["data", "home"]' daos container list tank
json 'len(r) == 2 and all(c["num_snapshots"] == 0 for c in r)' daos pool list-containers tank
refuses 1 "no container 'hone' in pool 'tank': containers are: .*home" daos container query tank hone
uuid=$("$bin/daos" -j container query tank data | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"]["container_uuid"])')
json 'r["container_label"] == "data"' daos container query tank "$uuid"
json 'r["latest_snapshot"] == 0 and "container_type" not in r' daos container stat tank data

echo "== properties, attributes, rights"
json '{p["name"] for p in r} >= {"label", "cksum", "rd_fac", "owner", "status"}' daos container get-prop tank home
good daos container set-prop tank data label:facts
json 'r[0] == {"name": "label", "description": "label", "value": "facts"}' daos container get-prop tank facts label
refuses 2 'cannot be set once' daos container set-prop tank facts ec_cell_sz:65536
refuses 1 'DER_EXIST' daos container set-prop tank facts label:home
good daos container set-attr tank home a:1,b:two:three
json 'r == [{"name": "a", "value": "1"}, {"name": "b", "value": "two:three"}]' daos container get-attr tank home a,b
good daos container set-attr tank home --attr=c --value=x,y
json '{a["name"]: a["value"] for a in r} == {"a": "1", "b": "two:three", "c": "x,y", "made": "here"}' daos container list-attr -V tank home
good daos container del-attr tank home a,b
json 'r == ["c", "made"]' daos container lsattr tank home
says 'A::alice@:rw' daos container update-acl tank home --entry=A::alice@:rw
good daos container get-acl tank home -O "$work/acl"
refuses 1 'add --force' daos container get-acl tank home -O "$work/acl"
good daos container delete-acl tank home --principal=u:alice@
silent_about alice daos container get-acl tank home
refuses 1 'no entry for' daos container delete-acl tank home --principal=u:alice@
says alice daos container overwrite-acl tank home --acl-file="$work/acl"
good daos container set-owner tank home --group=staff
json 'r["owner_group"] == "staff@"' daos container get-acl tank home

echo "== snapshots"
says 'No snapshots' daos container list-snap tank home
json 'r["name"] == "monday" and r["epoch"] > 0' daos container create-snap tank home --snap=monday
refuses 1 "snapshot 'monday' already" daos container create-snap tank home --snap=monday
good daos container create-snap tank home
json '[s["name"] for s in r] == ["monday", ""] and r[0]["epoch"] < r[1]["epoch"]' daos container list-snaps tank home
json 'r["num_snapshots"] == 2 and r["latest_snapshot"] > 0' daos container query tank home
good daos container destroy-snap tank home --snap=monday
refuses 1 'no such snapshot' daos container destroy-snap tank home --snap=monday
good daos container destroy-snap tank home --epcrange=1-9223372036854775807
json 'r == []' daos container list-snap tank home

good daos container create -t POSIX --hints=file:max,dir:single tank hints
json 'r["file_object_class"] == "SX" and r["dir_object_class"] == "S1" and r["hints"] == "file:max,dir:single"' daos container query tank hints
good daos container destroy tank hints
opened=$("$bin/daos" -j container query tank home | python3 -c 'import json, sys; print(json.load(sys.stdin)["response"]["open_time"])')
json 'r["open_time"] == "'"$opened"'"' daos container query tank home # asking does not count as use

echo "== objects"
oid=$((0x0001000100000007)).5 # hashed keys, class S1
json 'r["oid"].endswith(".5") and r["groups"][0][0]["rank"] == 0' daos object query tank home "$oid"

echo "== after a restart"
good daos_server stop --dir "$store"
refuses 1 'no agent answers' daos container list tank
good daos_server start --dir "$store" --detach
json 'sorted(c["label"] for c in r) == ["facts", "home"]' daos container list tank
json 'r == ["c", "made"]' daos container list-attr tank home
json 'r["chunk_size"] == 2 << 20' daos container query tank home

json '[set(x) for x in r["results"]] == [{"Addr", "Rank", "Action", "Errored", "Msg", "state"}]' dmg system stop
json 'r["host_storage_map"]["0"]["storage"]["nvme_devices"][0]["dev_state"] == "UNPLUGGED"' dmg storage scan
refuses 1 'no engine serves: dmg system query' daos pool list
good dmg system start
says home daos container list tank

echo "== destroy"
refuses 1 "no container 'hone' in pool 'tank': containers are" daos container destroy tank hone
good daos container destroy tank home
good daos cont destroy --force tank facts
refuses 1 'nor any other' daos container destroy tank facts
json 'r == []' daos container list tank
good dmg pool destroy tank
says 'No pools' daos pool list

if [[ -w /dev/fuse ]]; then # else this user mounts nothing here
	echo "== a mount without engines ends when it is told to"
	mkdir "$work/mnt"
	good dmg pool create --size=1GiB deck
	good daos container create --type POSIX deck mounted
	good dfuse --mountpoint "$work/mnt" --pool deck --container mounted
	mount=$(pgrep -f "^$bin/dfuse --mountpoint $work/mnt ")
	good dmg system stop
	kill "$mount"
	for _ in $(seq 300); do kill -0 "$mount" 2>/dev/null || break; sleep 0.1; done
	kill -0 "$mount" 2>/dev/null && wrong "dfuse goes on 30 s after it was told to end" && kill -9 "$mount"
	grep -q " $work/mnt " /proc/mounts && wrong "the mount is still there"
	good dmg system start
	good dmg pool destroy --force --recursive deck # nobody heard its handles being closed
fi

echo "$checks commands, $failed failed"
[[ $failed -eq 0 ]]

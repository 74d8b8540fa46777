#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Are the simulator's tests able to fail? Compiles each planted bug in, one at a time, and runs the test that must find it.
#   tools/test_planted_bugs.sh [BUILD [NAME ...]]
# BUILD is an ordinary build. Of it, only the file with the bug is compiled again, with the flag that `meson setup -Dplanted=NAME` would give to
# all, and the finder is linked with that object in front of the archives. A bug in the sources that is not in the table is an error.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
shift $(($# > 0))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# bug, program that finds it, its arguments; NAME=value in front goes into the environment
table='
ONE_TABLE_COPY               bio.raw_test
TAIL_NOT_ZEROED              bio.bio_test
SKIP_WAL_WAIT                umem.crash_test
DURABLE_OUT_OF_ORDER         umem.crash_test
SKIP_WAL_BEFORE_SUPER        umem.crash_test
SKIP_FLUSH_BEFORE_SUPER      umem.crash_test
FREE_SLOTS_EARLY             umem.crash_test
FREE_LOG_EARLY               umem.error_test
WAL_WRAP_OFF_BY_ONE          umem.crash_test
REUSE_FREED_EARLY            umem.crash_test
DROP_TAIL_RECORD             umem.crash_test
STALE_SUPER                  umem.crash_test
SAME_INCARNATION             umem.crash_test
SKIP_RECOVERY_CHECKPOINT     umem.unproven_test
SKIP_RECOVERY_FLUSH          umem.unproven_test
RECOVERY_IN_ROUNDS           umem.unproven_test
SKIP_PAGE_CRC                umem.rot_test
vea_skip_quarantine          vea.vea_test
vea_quarantine_ignores_io    vea.vea_test
vea_quarantine_ignores_lsn   vea.store_test
btree_separator_stale        btree.btree_test
evtree_max_hi_stale          evtree.evtree_test
ilog_fold_forgets_snapshots  ilog.ilog_test
vos_no_floor                 vos.model_test
vos_ignore_read_ts           vos.model_test
vos_lost_mark                vos.store_test
vos_dtx_forget               vos.model_test
vos_skip_data_flush          vos.prefix_test
vos_reply_early              vos.prefix_test
vos_run_again                src/sim --seeds 30
dtx_answer_early             src/sim --seeds 30
dtx_resync_commits_all       src/sim --seeds 30
rpc_lost_is_answered         src/sim --seeds 5
rpc_stays_exposed            proto.call_test
rpc_deaf_clock               proto.call_test
client_new_id                src/sim --story files --seeds 30
client_checks_nothing        src/sim --story files --seeds 30
client_gives_up              src/sim --seeds 5
dfs_rename_in_two            src/sim --story files --seeds 30
dfs_link_count_unread        sim.dfs_crowd_test
dfs_makes_in_removed         sim.dfs_crowd_test
dfs_forgets_others           src/sim --story files --seeds 30
object_late_data             sim.lock_test
cont_no_grace                sim.lock_test
'

plant() { # name, program: leaves $work/program
	python3 - "$root" "$build" "$work" "$1" "$2" <<'EOF'
import json, os, re, shlex, subprocess, sys
root, build, work, name, program = sys.argv[1:]
found = subprocess.run(['grep', '-rlE', '--include=*.c', rf'PLANTED_{name}\b', os.path.join(root, 'src')], capture_output=True, text=True)
files = [f for f in found.stdout.split() if '/test/' not in f]
if not files:
    sys.exit(f'{name} is not in the sources')
commands = json.load(open(os.path.join(build, 'compile_commands.json')))
objects = []
for entry in commands:
    if os.path.realpath(os.path.join(entry['directory'], entry['file'])) not in [os.path.realpath(f) for f in files]:
        continue
    if 'libroom_' not in entry['output']:
        continue
    words = shlex.split(entry['command'])
    out = os.path.join(work, f'{len(objects)}.o')
    words[words.index('-o') + 1] = out
    for flag in ('-MF', '-MQ'):
        words[words.index(flag) + 1] = os.path.join(work, 'deps')
    subprocess.run(words + [f'-DPLANTED_{name}=1'], cwd=entry['directory'], check=True)
    objects.append(out)
links = subprocess.run(['ninja', '-C', build, '-t', 'commands', '-s', program], capture_output=True, text=True, check=True).stdout
words = shlex.split([line for line in links.splitlines() if not line.startswith('ninja:')][-1])
at = words.index('-o')
words[at + 1] = os.path.join(work, 'program')
subprocess.run(words[:at + 2] + objects + words[at + 2:], cwd=build, check=True)
EOF
}

names=("$@")
[[ ${#names[@]} -eq 0 ]] && mapfile -t names < <(awk 'NF {print $1}' <<<"$table")
missing=$(comm -13 <(awk 'NF {print $1}' <<<"$table" | sort -u) \
	<(grep -rhoE --include='*.c' --include='*.h' '^ *# *ifn?def PLANTED_[A-Za-z0-9_]+' "$root/src" --exclude-dir=test | sed 's/.*PLANTED_//' | sort -u))
for name in $missing; do echo "planted and not in the table of this script: $name"; done
planted=0
found=0
declare -A sound
judge() { # program, arguments and environment as in the table: 0 when it passes
	local env=() program=$1
	shift
	while [[ ${1:-} == *=* ]]; do env+=("$1"); shift; done
	shift
	{ timeout 120 env "${env[@]}" "$program" "$@" >"$work/log" 2>&1 </dev/null; } 2>/dev/null
}

for name in "${names[@]}"; do
	read -r -a run < <(awk -v n="$name" '$1 == n {$1 = ""; print}' <<<"$table")
	program=
	for word in "${run[@]}"; do [[ $word == *=* ]] || { program=$word; break; }; done
	planted=$((planted + 1))
	begun=$SECONDS
	if [[ -z $program ]]; then
		printf '  FAILED  %-30s nobody is to find it\n' "$name"
		continue
	fi
	if [[ -z ${sound["${run[*]}"]:-} ]]; then # who always fails finds nothing
		ninja -C "$build" "$program" >"$work/log" 2>&1 && judge "$build/$program" "${run[@]}"
		sound["${run[*]}"]=$?
	fi
	if [[ ${sound["${run[*]}"]} -ne 0 ]]; then
		printf '  FAILED  %-30s %s fails without it too\n' "$name" "$program"
		continue
	fi
	if ! plant "$name" "$program" >"$work/log" 2>&1; then
		printf '  FAILED  %-30s does not build\n' "$name"
		tail -n 5 "$work/log" | sed 's/^/          /'
		continue
	fi
	judge "$work/program" "${run[@]}"
	status=$?
	if [[ $status -ne 0 && $status -lt 124 || $status -eq 134 || $status -eq 139 ]]; then
		found=$((found + 1))
		printf '  found   %-30s by %-24s %3d s\n' "$name" "$(basename "$program")" $((SECONDS - begun))
	else
		printf '  FAILED  %-30s not found by %s (status %d, %d s)\n' "$name" "${run[*]}" "$status" $((SECONDS - begun))
	fi
done
echo "$planted planted, $found found"
[[ -z $missing && $planted -gt 0 && $found -eq $planted ]]

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Less capable machines: a kernel that refuses io_uring, a file system that refuses O_DIRECT: both by a filter of system calls. The store works all the same, and says so once.   tests/seccomp.sh BUILD
set -uo pipefail
build=$(cd "$1" && pwd)
bin=$build/src
work=$(mktemp -d /tmp/seccomp.XXXXXX)
store=$work/store
failed=0
unset D_LOG_MASK D_LOG_FILE
export DAOS_AGENT_DRPC_DIR=$store/run

end() {
	grep -qs " $work/mnt fuse" /proc/mounts && fusermount3 -u -z "$work/mnt"
	"$bin/daos_server" stop --dir "$store" >/dev/null 2>&1
	rm -rf "$work"
}
trap end EXIT
wrong() { echo "FAILED: $*"; failed=$((failed + 1)); }

# launch io_uring|direct CMD...: io_uring_setup, or setting O_DIRECT, is refused to it and its children.
launch() {
	python3 - "$@" <<'PY'
import ctypes, errno, os, platform, struct, sys
fcntl = {"x86_64": 72, "aarch64": 25}.get(platform.machine())
insn = lambda code, jt, jf, k: struct.pack("HBBI", code, jt, jf, k)
load = lambda offset: insn(0x20, 0, 0, offset)
refuse = lambda error: insn(0x06, 0, 0, 0x00050000 | error)
allow = insn(0x06, 0, 0, 0x7fff0000)
if sys.argv[1] == "io_uring":  # the number is 425 on every machine
    program = load(0) + insn(0x15, 0, 1, 425) + refuse(errno.EPERM) + allow
elif fcntl is None:
    sys.exit(77)
else:  # fcntl(fd, F_SETFL, flags): arguments lie at 16, 24, 32
    program = (load(0) + insn(0x15, 0, 5, fcntl) + load(24) + insn(0x15, 0, 3, 4) + load(32) + insn(0x45, 0, 1, os.O_DIRECT) +
               refuse(errno.EINVAL) + allow)
buffer = ctypes.create_string_buffer(program, len(program))
class Prog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
prog = Prog(len(program) // 8, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(prog)) != 0:
    sys.exit(77)
os.execvp(sys.argv[2], sys.argv[2:])
PY
}

story() { # how it is called
	"$bin/dmg" pool create --scm-size=128MiB --nvme-size=128MiB tank >/dev/null || wrong "$1: no pool"
	"$bin/daos" container create --type POSIX --properties=cksum:crc32 tank home >/dev/null || wrong "$1: no container"
	if [[ -w /dev/fuse ]]; then
		mkdir -p "$work/mnt"
		"$bin/dfuse" "$work/mnt" tank home || wrong "$1: no mount"
		head -c 20000000 /dev/urandom >"$work/data"
		cp "$work/data" "$work/mnt/data" || wrong "$1: nothing can be written"
		kill -9 "$(awk '/^pid/ {p = $2} END {print p}' "$store/daos_server.state")"
		cmp "$work/data" "$work/mnt/data" || wrong "$1: other bytes after a crash"
		fusermount3 -u "$work/mnt"
	fi
	"$bin/daos_server" stop --dir "$store" >/dev/null || wrong "$1: it does not stop"
}
once() { # words, how it is called: a line for each start of an engine, at the most
	local lines starts
	lines=$(grep -ciE "$1" "$store/log/daos_engine.0.log")
	starts=$(grep -c 'open for clients' "$store/log/daos_engine.0.log")
	[[ $lines -ge 1 ]] || wrong "$2: nothing is said of it"
	[[ $lines -le $starts ]] || wrong "$2: it is said $lines times in $starts starts"
}

for what in io_uring direct; do
	echo "== $what refused"
	launch $what true
	if [[ $? -eq 77 ]]; then
		echo "   not looked at: no filter can be set here"
		continue
	fi
	launch $what "$bin/daos_server" start --dir "$store" -t 2 --detach >/dev/null || wrong "$what refused: it does not start"
	story "$what refused"
	once "$([[ $what == io_uring ]] && echo 'io_uring is not available' || echo 'O_DIRECT')" "$what refused"
	rm -rf "$store"
done
echo "$failed failed"
[[ $failed -eq 0 ]]

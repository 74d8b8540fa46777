#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs that people use, over a mount: git, sqlite, tar, rsync, fio, the usual tools, mappings, a build. The engine is killed in the middle
# of some.   tests/programs.sh BUILD [full]
# full: this repository is built on the mount as a whole, otherwise one of its programs.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
. "$here/store.bash"
how=${2:-some}
[[ -c /dev/fuse ]] || { echo "skipped: needs /dev/fuse"; exit 0; }
store_begin programs "$1"
store_container home || exit 1
m=$work/mnt
store_mount "$m" home || exit 1
export HOME=$work GIT_CONFIG_NOSYSTEM=1
git config --global user.name tester
git config --global user.email tester@example.org
git config --global --add safe.directory '*'
git config --global init.defaultBranch main

needs() { # program: whether it is there; says so if not
	command -v "$1" >/dev/null && return 0
	echo "  skipped $1: not installed"
	return 1
}
same_tree() { diff -r --no-dereference "$1" "$2"; }

# ---- git --------------------------------------------------------------------------------------------------------------------------
source_repository() { # a checkout without .git: as one commit
	if git -C "$root" rev-parse --verify -q HEAD >/dev/null 2>&1; then echo "$root"; return; fi
	git init -q "$work/src" && cp -r "$root"/{src,include,tools,tests,docs} "$work/src/" && git -C "$work/src" add -A && git -C "$work/src" commit -qm all
	echo "$work/src"
}
git_clone() { git clone -q --no-local "$repository" "$m/repo" && git -C "$m/repo" status --porcelain | (! grep .); }
git_commits() {
	cd "$m/repo" || return 1
	for i in $(seq 10); do
		echo "line $i" >>README.md
		printf 'file %s\n' "$i" >"new-$i"
		git add -A && git commit -qm "commit $i" || return 1
	done
	[[ $(git log --oneline HEAD~10.. | wc -l) -eq 10 ]]
}
git_branches() {
	cd "$m/repo" || return 1
	git checkout -q -b side HEAD~5 && [[ ! -e new-6 && -e new-5 ]] || return 1
	echo aside >aside && git add aside && git commit -qm aside && git checkout -q - && git merge -q -m merged side || return 1
	git mv new-1 renamed && git rm -q new-2 && git stash -q && git stash pop -q && git commit -qam moved || return 1
	git rebase -q HEAD~1 && git tag v1 && git worktree add -q "$m/worktree" v1 && [[ -f $m/worktree/renamed && ! -e $m/worktree/new-2 ]]
}
git_gc() { git -C "$m/repo" gc -q --prune=now && git -C "$m/repo" fsck --full --strict 2>&1 | (! grep -v '^dangling'); }
git_again() { git clone -q "$m/repo" "$m/repo2" && git -C "$m/repo2" fsck --full && [[ $(git -C "$m/repo2" rev-parse HEAD) == $(git -C "$m/repo" rev-parse HEAD) ]]; }

# ---- sqlite ------------------------------------------------------------------------------------------------------------------------
sqlite_writer() { # database, writer
	{
		echo '.timeout 60000'
		for i in $(seq "$rows"); do
			echo "BEGIN IMMEDIATE; INSERT INTO t(who, n, pad) VALUES($2, $i, hex(randomblob(200))); UPDATE sum SET n = n + 1; COMMIT;"
		done
	} | sqlite3 -bail "$1"
}
sqlite_reader() { # what is counted never goes back, and the two tables always agree
	for _ in $(seq $((rows / 4))); do
		echo "SELECT (SELECT count(*) FROM t), n FROM sum;"
	done | sqlite3 -bail -cmd '.timeout 60000' "$1" | awk -F'|' '$1 != $2 || $1 < last {print "read", $0, "after", last; bad = 1} {last = $1} END {exit bad}'
}
sqlite_mode() { # journal mode, kill
	local db=$m/$1-$2.db pids=() bad=0
	rows=40
	sqlite3 "$db" "PRAGMA journal_mode=$1; PRAGMA synchronous=FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, who INT, n INT, pad TEXT);
		CREATE INDEX i ON t(pad); CREATE TABLE sum(n INT); INSERT INTO sum VALUES(0);" || return 1
	for w in 1 2 3; do sqlite_writer "$db" $w & pids+=($!); done
	for _ in 1 2; do sqlite_reader "$db" & pids+=($!); done
	if [[ $2 == kill ]]; then sleep 0.3; store_kill_engine || bad=1; fi
	for pid in "${pids[@]}"; do wait "$pid" || bad=1; done
	[[ $(sqlite3 "$db" 'PRAGMA integrity_check') == ok ]] || { echo "integrity_check"; bad=1; }
	[[ $(sqlite3 "$db" 'SELECT count(*), count(DISTINCT who * 1000 + n), (SELECT n FROM sum) FROM t') == "120|120|120" ]] || { echo "counts"; bad=1; }
	sqlite3 "$db" 'DELETE FROM t WHERE n % 2; VACUUM; PRAGMA integrity_check' | grep -qx ok || bad=1
	[[ $(sqlite3 "$db" 'SELECT count(*) FROM t') == 60 ]] && return $bad
}

# ---- archives and copies -------------------------------------------------------------------------------------------------------------
make_tree() { # plain and odd files
	local t=$1
	mkdir -p "$t/dir/deep/er" "$t/empty"
	cp -r "$root/src/base" "$root/src/dfs" "$t/dir/"
	ln -s ../nowhere "$t/dangling"
	ln -s dir/deep "$t/link"
	ln "$t/dir/base/base.h" "$t/hard"
	mkfifo "$t/fifo"
	truncate -s 3000001 "$t/sparse"
	printf x | dd of="$t/sparse" bs=1 seek=2000000 conv=notrunc status=none
	head -c 2500000 /dev/urandom >"$t/random"
	: >"$t/with  spaces and ümläut"
	chmod 0751 "$t/dir/deep"
	chmod 2755 "$t/empty"
	chmod 4711 "$t/random"
	touch -d '2001-02-03 04:05:06.789012345' "$t/random" "$t/dir/deep"
	touch -h -d '1999-01-01 00:00:00.5' "$t/dangling"
	setfattr -n user.colour -v blue "$t/random" 2>/dev/null
	return 0
}
tar_there_and_back() {
	tar -C "$work" -cf "$m/tree.tar" tree && tar -C "$work" --compare -f "$m/tree.tar" && mkdir "$m/untar" &&
		tar -C "$m/untar" -xpf "$m/tree.tar" && tar -C "$m/untar" --compare -f "$m/tree.tar" &&
		tar -C "$m/untar" -czf "$m/again.tgz" tree && tar -C "$work" --compare -zf "$m/again.tgz" && tar -C "$work" -df "$m/tree.tar"
}
rsync_twice() {
	rsync -aHX "$work/tree" "$m/rsync/" || return 1
	rsync -aHX -i "$work/tree" "$m/rsync/" | (! grep .) || return 1
	rsync -aHXc -i -n "$work/tree" "$m/rsync/" | (! grep .) || return 1
	[[ $(stat -c %h "$m/rsync/tree/hard") -eq 2 && $(getfattr --only-values -n user.colour "$m/rsync/tree/random") == blue ]] || return 1
	echo more >>"$work/tree/dir/base/base.h"
	[[ $(rsync -aHX -i "$work/tree" "$m/rsync/" | grep -c '^>f') -eq 1 ]] && rm -r "$m/rsync/tree/dir/dfs" && rsync -aHX --delete "$work/tree" "$m/rsync/" &&
		same_tree "$work/tree/dir" "$m/rsync/tree/dir"
}
copies() {
	cd "$m" || return 1
	cp -a "$work/tree" copy && cp -a copy copy2 && same_tree "$work/tree/dir" copy2/dir || return 1
	for f in random dangling dir/deep empty hard fifo sparse; do
		[[ $(stat -c '%F %a %h %s %Y %y' "copy2/$f") == "$(stat -c '%F %a %h %s %Y %y' "$work/tree/$f")" || -d copy2/$f ]] || { echo "$f differs"; return 1; }
		[[ $(stat -c '%a %y' "copy2/$f") == "$(stat -c '%a %y' "$work/tree/$f")" ]] || { echo "$f differs"; return 1; }
	done
	[[ $(find copy2 | wc -l) -eq $(find "$work/tree" | wc -l) && $(find copy2 -type f -links 2 | wc -l) -eq 2 ]] || return 1
	[[ $(du -s --apparent-size -B1 copy2/dir/base/base.h | cut -f1) -eq $(stat -c %s "$work/tree/dir/base/base.h") ]] || return 1
	mv copy2 moved && mkdir into && mv moved into/ && mv into/moved/dir/base into/ && same_tree "$work/tree/dir/base" into/base && rm -r into copy && [[ ! -e into ]]
}
small_tools() {
	cd "$m" || return 1
	seq 10000 >numbers && sed -i 's/^7/seven/' numbers && [[ $(grep -c '^seven' numbers) -eq 1111 && $(wc -l <numbers) -eq 10000 ]] || return 1
	sort -R numbers | sort -n -o sorted && sort -c -n sorted || return 1
	dd if=/dev/urandom of=dd bs=64k count=40 status=none && dd if=dd of=dd2 bs=4k oflag=direct iflag=direct status=none && cmp dd dd2 || return 1
	dd if=dd of=dd2 bs=1000 seek=3 conv=notrunc,fsync status=none && cmp <(head -c 3000 dd; cat dd) dd2 || return 1
	truncate -s 5G big && [[ $(stat -c %s big) -eq 5368709120 ]] && printf end | dd of=big bs=1 seek=5368709120 conv=notrunc status=none || return 1
	[[ $(tail -c 4 big | od -An -c | tr -d ' \n') == '\0end' && $(head -c 100000 big | tr -d '\0' | wc -c) -eq 0 ]] || return 1
	truncate -s 100 big && truncate -s 200 big && [[ $(tr -d '\0' <big | wc -c) -eq 0 ]] || return 1
	for i in $(seq 50); do echo "$i" >>log & done
	wait
	[[ $(sort -n log | uniq | wc -l) -eq 50 ]] && find . -maxdepth 1 -newer numbers -name 'dd*' | grep -q dd2 && install -m 640 dd inst && [[ $(stat -c %a inst) == 640 ]]
}
mapped() {
	python3 - "$m/mapped" <<'PY'
import mmap, os, sys
size = 3 * 1024 * 1024 + 123
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
os.ftruncate(fd, size)
m = mmap.mmap(fd, size)
other = os.open(sys.argv[1], os.O_RDONLY)
for i in range(0, size, 70001):
    m[i:i + 11] = b"%010d\n" % i if i + 11 <= size else m[i:i + 11]
m.flush()
direct = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
for i in range(0, size - 11, 70001):
    assert os.pread(other, 11, i) == b"%010d\n" % i, i
buf = mmap.mmap(-1, 1 << 20)
assert os.preadv(direct, [buf], 1 << 20) == 1 << 20
assert buf[:] == m[1 << 20:2 << 20]
os.pwrite(fd, b"written", 5000)
assert m[5000:5007] == b"written"
appender = os.open(sys.argv[1], os.O_RDWR | os.O_APPEND)
a = mmap.mmap(appender, size)
a[0:4] = b"page"
a.flush()
assert os.fstat(fd).st_size == size
assert os.pread(other, 4, 0) == b"page"
PY
}

# ---- fio -------------------------------------------------------------------------------------------------------------------------------
fio_job() { # name, options
	fio --name="$1" --directory="$m" --rw=randwrite --size=4m --verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none --randrepeat=1 \
		"${@:2}"
}

# ---- a build ------------------------------------------------------------------------------------------------------------------------------
build_some() {
	cd "$m/repo2" || return 1
	meson setup built >/dev/null && ninja -C built base.text_test >/dev/null && built/base.text_test && ninja -C built base.text_test | grep 'no work to do'
}
build_all() {
	cd "$m/repo2" || return 1
	tools/build.sh built && built/src/daos version && built/base.text_test && built/vos.basic_test && ninja -C built | grep 'no work to do'
}

repository=$(source_repository)
make_tree "$work/tree"
echo "== git"
check "clone" git_clone
check "ten commits" git_commits
check "branch, merge, rebase, stash, worktree" git_branches
check "gc, fsck --full" git_gc
check "clone of the clone" git_again
if needs sqlite3; then
	echo "== sqlite: three write, two read"
	for mode in DELETE TRUNCATE PERSIST WAL; do check "journal_mode $mode" sqlite_mode $mode live; done
	for mode in DELETE WAL; do check "journal_mode $mode, the engine is killed" sqlite_mode $mode kill; done
fi
echo "== archives, copies, tools"
check "tar: create, extract, compare" tar_there_and_back
needs rsync && check "rsync -aHX, again, -c" rsync_twice
check "cp -a, find, du, mv" copies
check "sed -i, sort, dd, truncate, >>" small_tools
check "shared mappings" mapped
if needs fio; then
	echo "== fio: written at random, verified"
	check "psync, 4k" fio_job p4 --ioengine=psync --bs=4k
	check "psync, direct, 512 to 64k" fio_job pd --ioengine=psync --direct=1 --bsrange=512-64k
	check "io_uring, depth 16, 16k" fio_job u16 --ioengine=io_uring --iodepth=16 --bs=16k
	check "io_uring, direct, depth 8, 128k" fio_job ud --ioengine=io_uring --direct=1 --iodepth=8 --bs=128k
	check "mmap, 4k" fio_job m4 --ioengine=mmap --bs=4k
	check "three jobs at once, 1m" fio_job j3 --ioengine=psync --bs=1m --size=8m --numjobs=3
fi
echo "== a build on the mount"
if [[ $how == full ]]; then check "this repository" build_all; else check "one of this repository's programs" build_some; fi
cd /
echo "== afterwards"
check "umount" store_umount "$m"
check "mount" store_mount "$m" home
check "git fsck --full" git -C "$m/repo" fsck --full
check "tar --compare" tar -C "$m/untar" --compare -f "$m/tree.tar"
check "rm -rf" rm -rf "$m/repo" "$m/repo2" "$m/untar" "$m/rsync"
verdict

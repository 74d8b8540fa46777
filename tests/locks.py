#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Locks over two mounts, for tests/locks.sh.

    locks.py hold FILE KIND         takes a lock (flock, fcntl), says "held", holds it until its input ends
    locks.py writer FILE                the same with flock, then writes; ends with 3 when that is refused
    locks.py count FILE KIND N [pause]  adds N to the number in FILE, each time under the lock
    locks.py exclusion A B          who may have what over both mounts, ranges, downgrades, who is asked about
    locks.py grant A B              a blocked lock comes with unlock, with close, with the end of a process
    locks.py interrupt A B          a signal ends a wait, and the lock is not held afterwards
    locks.py deadlock A B           a circle over two mounts is EDEADLK for one of the two
"""
import errno, fcntl, os, select, signal, struct, subprocess, sys, time

OFD_SETLK = 37


def lockf(fd, kind, start=0, length=0, wait=False, ofd=False):
    command = OFD_SETLK if ofd else fcntl.F_SETLKW if wait else fcntl.F_SETLK
    fcntl.fcntl(fd, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0))


def asked(fd, kind, start=0, length=0):
    got = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0))
    return struct.unpack("hhqqi4x", got)


def refused(call, *args, **kw):
    try:
        call(*args, **kw)
    except OSError as e:
        assert e.errno in (errno.EAGAIN, errno.EACCES), e
        return
    raise AssertionError("not refused: %s %s" % (args, kw))


def take(fd, kind, wait=True):
    if kind == "flock":
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    else:
        lockf(fd, fcntl.F_WRLCK, wait=wait)


def leave(fd, kind):
    if kind == "flock":
        fcntl.flock(fd, fcntl.LOCK_UN)
    else:
        lockf(fd, fcntl.F_UNLCK)


def hold(path, kind):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    take(fd, kind)
    print("held", flush=True)
    sys.stdin.read()


def writer(path):
    fd = os.open(path, os.O_RDWR)
    take(fd, "flock")
    print("held", flush=True)
    sys.stdin.read()
    try:
        os.pwrite(fd, b"wrong\n", 0)
    except OSError as e:
        assert e.errno == errno.EIO, e
        sys.exit(3)


def count(path, kind, rounds, pause="0"):
    fd = os.open(path, os.O_RDWR)
    for _ in range(int(rounds)):
        take(fd, kind)
        n = int(os.pread(fd, 64, 0).split()[0])
        os.pwrite(fd, b"%-20d\n" % (n + 1), 0)
        leave(fd, kind)
        time.sleep(float(pause))


class Holder:
    """A process that holds a lock."""
    def __init__(self, path, kind, wait=True):
        self.p = subprocess.Popen([sys.executable, __file__, "hold", path, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if wait:
            assert self.held(20), "the lock does not come"

    def held(self, seconds):
        ready, _, _ = select.select([self.p.stdout], [], [], seconds)
        return bool(ready) and self.p.stdout.readline() == b"held\n"

    def end(self):
        self.p.stdin.close()
        assert self.p.wait(20) == 0


def both(a, b, name):
    fd = os.open(os.path.join(a, name), os.O_RDWR | os.O_CREAT, 0o666)
    return fd, os.open(os.path.join(b, name), os.O_RDWR)


def exclusion(a, b):
    x, y = both(a, b, "exclusion")
    lockf(x, fcntl.F_WRLCK, 0, 100)
    refused(lockf, y, fcntl.F_RDLCK, 99, 1)
    lockf(y, fcntl.F_WRLCK, 100, 10)
    lockf(x, fcntl.F_UNLCK, 40, 20)              # two are left
    lockf(y, fcntl.F_WRLCK, 40, 20)
    kind, _, start, length, pid = asked(y, fcntl.F_RDLCK, 0, 0)
    assert (kind, start, length, pid) == (fcntl.F_WRLCK, 0, 40, 0), (kind, start, length, pid)
    lockf(x, fcntl.F_RDLCK, 0, 40)               # weaker
    lockf(y, fcntl.F_RDLCK, 0, 40)
    refused(lockf, x, fcntl.F_WRLCK, 0, 40)
    pid = os.fork()
    if pid == 0:                                 # the child is another owner, on the same mount
        got = asked(x, fcntl.F_WRLCK, 60, 1)
        os._exit(0 if got[0] == fcntl.F_WRLCK and got[4] == os.getppid() else 1)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(os.open(os.path.join(a, "exclusion"), os.O_RDONLY))  # any close drops them all
    lockf(y, fcntl.F_WRLCK)
    os.close(y)
    fcntl.flock(x, fcntl.LOCK_SH)
    y = os.open(os.path.join(b, "exclusion"), os.O_RDWR)
    fcntl.flock(y, fcntl.LOCK_SH)
    refused(fcntl.flock, y, fcntl.LOCK_EX | fcntl.LOCK_NB)  # and its shared one is gone
    fcntl.flock(x, fcntl.LOCK_EX | fcntl.LOCK_NB)
    again = os.dup(x)
    os.close(x)                                  # a duplicate keeps it
    refused(fcntl.flock, y, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(again)
    fcntl.flock(y, fcntl.LOCK_EX)
    fcntl.flock(y, fcntl.LOCK_UN)
    x = os.open(os.path.join(a, "exclusion"), os.O_RDWR)
    lockf(x, fcntl.F_WRLCK, ofd=True)
    os.close(os.open(os.path.join(a, "exclusion"), os.O_RDONLY))  # no other close drops that one
    refused(lockf, y, fcntl.F_RDLCK)
    os.close(x)
    for _ in range(100):                         # release comes behind the close
        try:
            lockf(y, fcntl.F_RDLCK)
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("a lock of an open file stays after its close")


def grant(a, b):
    for kind in ("flock", "fcntl"):
        first = Holder(os.path.join(a, "grant"), kind)
        second = Holder(os.path.join(b, "grant"), kind, wait=False)
        assert not second.held(0.3)
        begun = time.monotonic()
        first.end()
        assert second.held(5)
        third = Holder(os.path.join(a, "grant"), kind, wait=False)
        assert not third.held(0.3)
        second.p.kill()
        assert third.held(5)
        third.end()
        second.p.wait()
        print("%s: granted over mounts, in all %.2f s" % (kind, time.monotonic() - begun))
    x, y = both(a, b, "grant")
    lockf(x, fcntl.F_WRLCK)
    pid = os.fork()
    if pid == 0:
        lockf(y, fcntl.F_WRLCK, wait=True)
        os._exit(0)
    time.sleep(0.3)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    begun = time.monotonic()
    lockf(x, fcntl.F_UNLCK)
    assert os.waitpid(pid, 0)[1] == 0
    assert time.monotonic() - begun < 2


def interrupt(a, b):
    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    signal.signal(signal.SIGALRM, ring)
    for kind in ("flock", "fcntl"):
        holder = Holder(os.path.join(a, "interrupt"), kind)
        y = os.open(os.path.join(b, "interrupt"), os.O_RDWR)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            take(y, kind)
            raise AssertionError("it was had")
        except Alarm:
            pass
        holder.end()
        Holder(os.path.join(a, "interrupt"), kind).end()  # nobody waits for it any more, nobody has it
        os.close(y)


def deadlock(a, b):
    x, y = both(a, b, "deadlock")
    lockf(x, fcntl.F_WRLCK, 0, 1)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        lockf(y, fcntl.F_WRLCK, 1, 1)
        os.write(w, b"x")
        try:
            lockf(y, fcntl.F_WRLCK, 0, 1, wait=True)
        except OSError as e:
            os._exit(2 if e.errno == errno.EDEADLK else 3)
        os._exit(0)
    os.read(r, 1)
    time.sleep(0.3)
    mine = 0
    try:
        lockf(x, fcntl.F_WRLCK, 1, 1, wait=True)
    except OSError as e:
        assert e.errno == errno.EDEADLK, e
        mine = 1
    lockf(x, fcntl.F_UNLCK)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert (mine, status) in ((1, 0), (0, 2)), (mine, status)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

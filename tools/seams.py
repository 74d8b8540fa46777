#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing outside the seams asks the machine (STYLE 2): looks at what every room's objects refer to and define.

    seams.py ROOT BUILD
"""
import os, re, subprocess, sys

FREE = {"env_real", "lib", "cmd", "embed", "intercept"}  # the seams themselves and the roof
# Single files that bind a library which brings its own machine, each with its reason.
BINDINGS = {
    "fuse/session.c": "libfuse's session loop owns the kernel's file descriptor",
    "env_sim/machine.c": "the world's memory, stacks with guard pages, and the last words on an abort",
    "control/names.c": "names of users and groups come from the system's database, which has no seam",
    "rdb/heap.c": "libraft's heap hook is process-wide",
    "sim/cluster.c": "the harness outlives the memory of the nodes it kills",
    "sim/durability.c": "likewise, and it prints the seed of a broken promise",
    "sim/files.c": "likewise",
    "sim/posix_model.c": "the model outlives the nodes whose files it knows",
}
INSTEAD = [
    (r"clock_gettime|gettimeofday|time|clock", "env_mono / env_wall"),
    (r"usleep|nanosleep|sleep|clock_nanosleep", "ult_sleep"),
    (r"pthread_\w+|thrd_\w+|sem_\w+", "env host.thread_start, ult"),
    (r"rand|random|srand|srandom|getrandom|getentropy|arc4random\w*|drand48|lrand48", "env_rand"),
    (r"malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup|asprintf|vasprintf|reallocarray", "mem_alloc / mem_free of the mem that was handed in"),
    (r"open|open64|openat|read|write|pread\w*|pwrite\w*|preadv\w*|pwritev\w*|close|fsync|fdatasync|rename\w*|unlink\w*|mkdir\w*|stat\w*|fstat\w*|lstat\w*|opendir|readdir\w*|ftruncate\w*|fallocate\w*|ioctl|fcntl\w*|mmap\w*|munmap|mprotect|io_uring_\w+|flock", "env file, env disk"),
    (r"socket|socketpair|bind|listen|accept\w*|connect|send\w*|recv\w*|epoll_\w+|poll|ppoll|select|eventfd|timerfd_\w+|signalfd|shutdown|getsockopt|setsockopt", "env net, env loop"),
    (r"getenv|secure_getenv|setenv|putenv", "env host.getenv"),
    (r"getpid|gettid|getuid|geteuid|getgid|fork|vfork|exec\w+|posix_spawn\w*|kill|raise|signal|sigaction|waitpid|prctl", "env host"),
    (r"fopen\w*|fclose|fprintf|printf|puts|putchar|fputs|fwrite|fread|fflush|stderr|stdout|stdin|perror|syslog|__printf_chk|__fprintf_chk", "log_* of base"),
]
RULES = [(re.compile(f"^(?:__)?(?:{names})$"), instead) for names, instead in INSTEAD]
ALLOWED_UNDEFINED = {"abort"}
ALLOWED_STATE = {("ult", "xs_current")}  # the one thread-local: the stream that runs
COMPILER_MADE = ("__asan", "__odr_asan", ".L", "__tsan", "__msan", "__sancov", "__func__", "__PRETTY_FUNCTION__")


def main():
    root, build = sys.argv[1], sys.argv[2]
    rooms = []
    for line in open(os.path.join(root, "FLOORS")):
        line = line.split("#")[0].strip()
        if line:
            rooms.append(line.split(":")[0].strip())
    bad, looked = [], 0
    for room in rooms:
        if room in FREE:
            continue
        archive = os.path.join(build, "libroom_" + re.sub(r"[^A-Za-z0-9]", "_", room) + ".a")
        if not os.path.exists(archive):
            continue
        looked += 1
        members = subprocess.run(["nm", "--format=sysv", archive], capture_output=True, text=True, check=True).stdout
        source = "?"
        for line in members.splitlines():
            head = re.search(r"\[(.*)\]:?$", line)
            if head and ("from" in line or "in" in line) and "|" not in line:
                source = member_source(head.group(1).rstrip(":"), room)
                continue
            field = [f.strip() for f in line.split("|")]
            if len(field) != 7 or field[0] == "Name" or source.endswith(".pb-c.c"):
                continue
            symbol, kind, section = field[0].split("@")[0], field[2], field[6]
            if f"{room}/{os.path.basename(source)}" in BINDINGS:
                continue
            if kind == "U" and symbol not in ALLOWED_UNDEFINED:
                for rule, instead in RULES:
                    if rule.match(symbol):
                        bad.append(f"{room}/{source}: refers to {symbol}(): use {instead}")
            elif kind in "bBdDcC" and not section.startswith(".data.rel.ro"):
                if not symbol.startswith(COMPILER_MADE) and (room, symbol) not in ALLOWED_STATE:
                    bad.append(f"{room}/{source}: '{symbol}' is a variable at file scope: put it into the struct that owns it")
    for line in sorted(set(bad)):
        print("seams: " + line)
    print(f"seams: {looked} rooms looked at, {len(set(bad))} offenders")
    sys.exit(1 if bad else 0)


def member_source(member, room):
    name = re.sub(r"\.o$", "", member)
    marker = "src_" + room.replace("/", "_") + "_"
    return name.split(marker, 1)[1] if marker in name else name


main()

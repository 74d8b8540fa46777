#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the sources of BUILD (configured with clang) and remembers what was clean.

    tidy_files.py BUILD SECONDS [FILE...]      FILE: only these; none: all of src/ but tests and fuzz targets

What a file is, is what the preprocessor makes of it: one that was clean and has not changed is not looked at again. Files that are left
when SECONDS are over are counted, not failed. Its memory is $TIDY_CACHE (default ~/.cache/daos-tidy).
"""
import concurrent.futures, hashlib, json, os, re, shlex, subprocess, sys, time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))


def main():
    build, seconds, wanted = os.path.abspath(sys.argv[1]), float(sys.argv[2]), {os.path.normpath(f) for f in sys.argv[3:]}
    cache = os.environ.get("TIDY_CACHE", os.path.expanduser("~/.cache/daos-tidy"))
    os.makedirs(cache, exist_ok=True)
    end = time.monotonic() + seconds
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    with open(os.path.join(ROOT, ".clang-tidy"), "rb") as file:
        rules = file.read()
    jobs = {}
    for entry in entries:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        name = os.path.relpath(path, ROOT)
        if name.startswith("src/") and name.endswith(".c") and "/fuzz/" not in name and (name in wanted if wanted else "/test/" not in name):
            jobs.setdefault(name, entry)

    def look(item):
        name, entry = item
        if time.monotonic() > end:
            return "left", name, ""
        args = [a for a in shlex.split(entry["command"]) if a != "ccache"]
        strip = []
        skip = False
        for a in args:
            if skip:
                skip = False
            elif a in ("-o", "-MF", "-MQ", "-MT"):
                skip = True
            elif a not in ("-c", "-MD"):
                strip.append(a)
        text = subprocess.run(strip + ["-E"], cwd=entry["directory"], capture_output=True)
        key = hashlib.sha256(rules + re.sub(rb'(?m)^# .*\n', b"", text.stdout) + name.encode()).hexdigest()
        mark = os.path.join(cache, key)
        if text.returncode == 0 and os.path.exists(mark):
            return "known", name, ""
        done = subprocess.run(["clang-tidy", "--quiet", "-p", build, os.path.join(ROOT, name)], capture_output=True, text=True, cwd=ROOT)
        if done.returncode == 0 and "error:" not in done.stdout:
            open(mark, "w").close()
            return "clean", name, ""
        return "bad", name, done.stdout

    count = {"left": 0, "known": 0, "clean": 0, "bad": 0}
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        for verdict, name, said in pool.map(look, sorted(jobs.items())):
            count[verdict] += 1
            if verdict == "bad":
                print("\n".join(line for line in said.splitlines() if ": error:" in line) or said[:500])
                sys.stdout.flush()
    print(f"clang-tidy: {len(jobs)} files, {count['clean']} looked at and clean, {count['known']} known to be clean, "
          f"{count['bad']} with findings, {count['left']} left for another time")
    sys.exit(1 if count["bad"] else 0)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random command lines for the programs of BUILD, made from the words of their own help and from hostile values.

    fuzz_args.py BUILD SECONDS [SEED]

No store is there, so what is right ends with "no agent answers". Each must end by itself with status 0, 1 or 2, without a word of a
sanitizer, and with --json print one JSON object and nothing else. A finding is printed as a command. Programs that would start something
get an option that does not exist besides, so that their command line is read and then refused.
"""
import json, os, random, re, shlex, subprocess, sys, tempfile, time

VALUES = ["", "tank", "home", "1", "0", "-1", "4294967296", "18446744073709551616", "1GiB", "50%", "1.5TiB", "9" * 40, "x" * 300, "é\x80".encode().decode(),
          "POSIX", "S1", "RP_3GX", "EC_2P1G1", "label:x", "rd_fac:1,ec_cell_sz:65536", "cksum:crc32;srv_cksum:on", "a:1,b:two:three",
          "a:" + "v" * 5000, "[0-3,5]", "0-4294967295", "[", "0,,1", "A::OWNER@:rw", "A:G:GROUP@:r", "A::" + "u" * 400 + "@:rwcdtTaAo", "u:alice@",
          "01020300-0000-0000-0000-000000000000", "281474976710656.5", "1-2", "9-1", "file:max,dir:single", "%s%n", "\n", "=", "--", "-", "./no/such/file",
          "0700", "u=rwx", "name=value", ":", ",", "a:", ":b", "2MiB", "balanced"]
READERS = ["daos", "dmg", "daos_metrics"]
STARTERS = ["daos_server", "daos_engine", "dfuse"]
WORDS = re.compile(rb"Sanitizer|runtime error|Assertion|assert", re.I)


def run(argv, cwd, env, timeout=60):
    return subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)


def learn(program, cwd, env):
    """Commands and the options of each, from --help."""
    text = run([program, "--help"], cwd, env).stdout.decode(errors="replace")
    found = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
    commands = [[]]
    if found:
        commands = [re.match(r"  ([a-z -]+?)(?: [<\[].*| {2,}.*)?$", line).group(1).split() for line in found.group(1).splitlines()]
    options = {}
    for command in commands:
        text = run([program] + command + ["--help"], cwd, env).stdout.decode(errors="replace")
        options[tuple(command)] = re.findall(r"^ +(?:-(\w)(?:, )?)?(?:--([\w-]+))?(=\S+)?  ", text, re.M)
    return options


def option(draw, options):
    if not options or draw.random() < 0.1:
        return [draw.choice(["--nope", "-Z", "--=", "---", "-" + "h" * 3, "--size" * 20])]
    letter, name, value = draw.choice(options)
    if not letter and not name:
        return ["--help"]
    word = "--" + name if name and (not letter or draw.random() < 0.6) else "-" + letter
    if draw.random() < 0.05:
        word = word[:-1] + draw.choice("abcxyz")
    if not value and draw.random() < 0.9:
        return [word]
    text = draw.choice(VALUES)
    return draw.choice([[word + "=" + text], [word, text], [word + text] if not word.startswith("--") else [word]])


def line(draw, options):
    command = draw.choice(list(options))
    words = list(command)
    if words and draw.random() < 0.05:
        words[draw.randrange(len(words))] = draw.choice(VALUES)
    rest = [option(draw, options[command]) for _ in range(draw.choice([0, 1, 1, 2, 3, 8, 80 if draw.random() < 0.1 else 2]))]
    rest += [[draw.choice(VALUES)] for _ in range(draw.choice([0, 1, 2, 2, 3, 300 if draw.random() < 0.05 else 1]))]
    if draw.random() < 0.2:
        rest.append(["--json"])
    draw.shuffle(rest)
    return words + [w for part in rest for w in part]


def wrong(result, argv):
    if result.returncode not in (0, 1, 2):
        return f"status {result.returncode}"
    if WORDS.search(result.stderr) and b"Sanitizer" in result.stderr + result.stdout or b"runtime error" in result.stderr:
        return "a sanitizer's report"
    if "--json" in argv and result.stdout and result.stdout.lstrip()[:1] == b"{":
        try:
            json.loads(result.stdout)
        except ValueError as error:
            return f"not JSON: {error}"
    return None


def main():
    build, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2])
    draw = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with tempfile.TemporaryDirectory(prefix="daos-args-") as cwd:
        env = dict(os.environ, DAOS_AGENT_DRPC_DIR=os.path.join(cwd, "none"), HOME=cwd)
        programs = {}
        for name in READERS + STARTERS:
            path = os.path.join(build, "src", name)
            if os.path.exists(path):
                programs[path] = learn(path, cwd, env)
        runs = findings = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            path = draw.choice(list(programs))
            argv = line(draw, programs[path])
            if os.path.basename(path) in STARTERS:
                argv.insert(draw.randint(0, len(argv)), "--no-such-option")
                if "--" in argv:
                    argv = [w for w in argv if w != "--"]
            runs += 1
            try:
                result = run([path] + argv, cwd, env)
                what = wrong(result, argv)
            except (ValueError, OSError):
                continue  # the kernel does not take such a line
            except subprocess.TimeoutExpired:
                what, result = "does not end", None
            if what:
                findings += 1
                print(f"finding: {what}: {shlex.join([path] + argv)[:2000]}")
                if result:
                    print(result.stderr.decode(errors="replace")[-1500:])
                if findings == 5:
                    break
        print(f"arguments: {len(programs)} programs, {sum(len(o) for o in programs.values())} commands, {runs} runs, {findings} findings")
        sys.exit(1 if findings else 0)


main()

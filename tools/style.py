#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must hold of every text in the tree, and can be seen without compiling it.   style.py ROOT

  all texts       an SPDX line at the top; no blanks at the end of a line, no carriage return; one newline at the end
  C               indented with tabs; no line wider than WIDTH; no empty line twice; no leftover marks; a label only for cleanup;
                  functions of the rooms no longer than FUNCTION lines, files than FILE lines (tests, tables of programs: twice that)
Prints each offence with its place, then one line.
"""
import os, re, subprocess, sys

WIDTH = 160      # a tab is 8; 120 is what one writes, more is for tables
WIDTH_TEXT = 200 # with a string in the line: help and messages
FUNCTION = 160
FILE = 1000
SPDX = "SPDX-License-Identifier: Apache-2.0"
NO_SPDX = {"LICENSE", ".gitignore", "README.md"}
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK|" + "work" + r"around for now)\b")
LABEL = re.compile(r"^\t*([a-z_]\w*):$")


def tracked(root):
    names = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [n for n in names if os.path.isfile(os.path.join(root, n))]


def look_c(name, lines, bad):
    test = "/test/" in name or "/fuzz/" in name or "/bench/" in name or name.startswith(("bench/", "tests/", "examples/"))
    begun, labels = None, set()
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(8))
        if width > (WIDTH_TEXT if '"' in line else WIDTH):
            bad(number, f"{width} columns")
        if re.match(r" {8,}\S", line) and not re.match(r" +(\*|\\$)", line):
            bad(number, "indented with blanks")
        if line == "" and number > 1 and lines[number - 2] == "":
            bad(number, "two empty lines")
        if MARKS.search(line):
            bad(number, "a mark that was to go")
        if line == "{":
            begun, labels = number, set()
        elif line.startswith("}") and begun:
            if number - begun > FUNCTION * (2 if test else 1):
                bad(begun, f"a function of {number - begun} lines")
            if len(labels) > 1:
                bad(begun, "labels " + ", ".join(sorted(labels)))
            begun = None
        elif begun and LABEL.match(line) and LABEL.match(line).group(1) != "default":
            labels.add(LABEL.match(line).group(1))
    if len(lines) > FILE * (2 if test else 1):
        bad(1, f"{len(lines)} lines")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    files, found = 0, []
    for name in tracked(root):
        with open(os.path.join(root, name), "rb") as file:
            data = file.read()
        if b"\0" in data or ".seeds/" in name:
            continue
        files += 1

        def bad(number, what):
            found.append(f"{name}:{number}: {what}")

        text = data.decode(errors="replace")
        lines = text.split("\n")
        plain = not name.endswith((".md", ".dict", ".in")) and "/test/golden_" not in name and os.path.basename(name) not in NO_SPDX
        if plain and SPDX not in "\n".join(lines[:3]):
            bad(1, "no SPDX line")
        if data and (not data.endswith(b"\n") or data.endswith(b"\n\n")):
            bad(len(lines), "ends with no newline, or with an empty line")
        for number, line in enumerate(lines, 1):
            if line.rstrip(" \t\r") != line and not name.endswith(".md"):
                bad(number, "blanks at the end")
        if name.endswith((".c", ".h")):
            look_c(name, lines[:-1], bad)
    for line in found:
        print("style: " + line)
    print(f"style: {files} files, {len(found)} offences")
    sys.exit(1 if found else 0)


main()

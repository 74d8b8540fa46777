#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the functions and variables that the public headers declare, and which library exports each.

    api_list.py list               one line a symbol: header symbol library
    api_list.py map LIBRARY...     the version script of a library: symbols of these, everything else local
    api_list.py stubs LIBRARY      C source with a function for each of its symbols, for a filter over another library
    api_list.py check LIB=FILE...  says which symbols a shared library does not export (nm -D); fails if there are any
    api_list.py absent             one line a function that is not there: its whole body answers "not implemented",
                                   or no source defines it

A library is named as in EXPORTS below: libdaos, libdfs, libdaos_common, libgurt, libds3.
"""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = os.path.join(ROOT, "include")

# Which library exports what a header declares ...
EXPORTS = {
    "daos.h": "libdaos",
    "daos_api.h": "libdaos",
    "daos_array.h": "libdaos",
    "daos_cont.h": "libdaos",
    "daos_event.h": "libdaos",
    "daos_kv.h": "libdaos",
    "daos_mgmt.h": "libdaos",
    "daos_obj.h": "libdaos",
    "daos_obj_class.h": "libdaos",
    "daos_pipeline.h": "libdaos",
    "daos_pool.h": "libdaos",
    "daos_task.h": "libdaos",
    "daos_prop.h": "libdaos_common",
    "daos_security.h": "libdaos_common",
    "daos/tse.h": "libdaos_common",
    "daos_fs.h": "libdfs",
    "daos_fs_sys.h": "libdfs",
    "daos_uns.h": "libdfs",
    "daos_s3.h": "libds3",
    "daos_errno.h": "libgurt",
    "gurt/": "libgurt",
}
# ... but for these.
EXCEPTIONS = {"daos_rank_list_parse": "libdaos_common"}


def declarations(path):
    """The declarations of a header at file scope, without bodies, comments and preprocessor lines."""
    with open(path) as header:
        text = header.read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    text = re.sub(r"^\s*D_FOREACH_\w+\(.*\)\s*$", "", text, flags=re.M)
    text = text.replace('extern "C" {', "")
    while re.search(r"\{[^{}]*\}", text):
        text = re.sub(r"(static inline[^;{}]*)?\{[^{}]*\}", lambda m: ";" if m.group(1) else "@", text)
    return [re.sub(r"\s+", " ", part).strip() for part in text.split(";")]


def symbols(path):
    """Names of functions, and of variables with a "=" before them."""
    found = []
    for text in declarations(path):
        if not text or text.startswith(("typedef", "static", "struct {", "enum", "@")) or "@" in text:
            continue
        if text.startswith("extern"):
            name = re.search(r"\(\*(\w+)\)", text) or re.search(r"(\w+)(\[\w*\])?$", text)
            found.append("=" + name.group(1))
            continue
        name = re.match(r"[\w\s\*]*?(\w+) ?\(", re.sub(r"__attribute__ ?\(\(.*?\)\)( ?\))?", "", text))
        if name and name.group(1) not in found:
            found.append(name.group(1))
    with open(path) as header:
        text = re.sub(r"\\\n", " ", header.read())
    # Variables that a table declares.
    for table, pattern in (("D_LOG_DECLARE_FAC", r"ACTION\((\w+), \w+, arg\)"),
                           ("D_LOG_DECLARE_DB", r"ACTION\((DB_\w+), ")):
        for use in re.findall(r"^(D_FOREACH_\w+)\(%s," % table, text, flags=re.M):
            body = re.search(r"#define %s\(ACTION, arg\)(.*)" % use, text).group(1)
            found += [f"=d_{name}_logfac" if table.endswith("FAC") else "=" + name for name in re.findall(pattern, body)]
    # Calls that were renamed keep their former symbol.
    for old, new in re.findall(r"^#define (daos_\w+) (daos_\w+2)$", text, flags=re.M):
        if new in found:
            found.append(old)
    return found


def library_of(header, name):
    if name in EXCEPTIONS:
        return EXCEPTIONS[name]
    for key in (header, os.path.dirname(header) + "/"):
        if key in EXPORTS:
            return EXPORTS[key]
    sys.exit(f"api_list: no library for {header}: add it to EXPORTS")


def everything(only_functions=False):
    """(header, symbol, library), each symbol once."""
    seen, rows = set(), []
    for path in sorted(glob.glob(os.path.join(INCLUDE, "**", "*.h"), recursive=True)):
        header = os.path.relpath(path, INCLUDE)
        for name in symbols(path):
            if name.startswith("=") and only_functions:
                continue
            name = name.lstrip("=")
            if name not in seen:
                seen.add(name)
                rows.append((header, name, library_of(header, name)))
    return rows


def version_script(libraries):
    names = sorted(name for _, name, lib in everything() if lib in libraries)
    if not names:
        sys.exit(f"api_list: no symbols for {libraries}")
    return "{\nglobal:\n" + "".join(f"\t{name};\n" for name in names) + "local:\n\t*;\n};\n"


def stubs(library):
    """Never called: the dynamic linker takes the library that is filtered first."""
    text = "/* Made by tools/api_list.py. */\n#include <errno.h>\n"
    for name in sorted(name for _, name, lib in everything(only_functions=True) if lib == library):
        text += f"int {name}(void);\n__attribute__((visibility(\"default\"))) int {name}(void) {{ return ENOSYS; }}\n"
    return text


def check(files):
    failed = False
    for argument in files:
        library, _, path = argument.partition("=")
        out = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
        exported = {line.split()[-1].split("@")[0] for line in out.splitlines() if line.strip()}
        wanted = {name for _, name, lib in everything() if lib == library}
        if not wanted:
            sys.exit(f"api_list: no symbols for {library}")
        for name in sorted(wanted - exported):
            print(f"{library}: {name} is declared but not exported")
            failed = True
    sys.exit(failed)


def absent():
    refused, defined = set(), set()
    for path in glob.glob(os.path.join(ROOT, "src", "**", "*.c"), recursive=True):
        if os.sep + "test" + os.sep in path:
            continue
        with open(path) as source:
            text = re.sub(r"/\*.*?\*/", " ", source.read(), flags=re.S)
        defined.update(re.findall(r"^int (\w+)\([^;{}]*\)\s*__attribute__\(\(alias\(", text, flags=re.M))
        text = re.sub(r"__attribute__\(\(visibility\(.*?\)\)\) ?", "", text)
        for name, body in re.findall(r"^(\w+)\([^;{}]*?\)\n\{\n(.*?)^\}", text, flags=re.S | re.M):
            defined.add(name)
            if re.fullmatch(r"\s*return -?(DER_NOSYS|ENOSYS);\s*", body):
                refused.add(name)
        defined.update(re.findall(r"alias\(\"(\w+)\"\)", text))
        defined.update(re.findall(r"^ALIAS\w*\((\w+),", text, flags=re.M))
    for header, name, library in everything(only_functions=True):
        if name in refused:
            print(f"{header} {name} {library} refuses")
        elif name not in defined:
            print(f"{header} {name} {library} undefined")


def main():
    verbs = {"list": 0, "absent": 0, "map": None, "stubs": 1, "check": None}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs or verbs[sys.argv[1]] not in (None, len(sys.argv) - 2):
        sys.exit(__doc__)
    verb = sys.argv[1]
    if verb == "list":
        for row in everything():
            print(*row)
    elif verb == "map":
        print(version_script(sys.argv[2:]), end="")
    elif verb == "stubs":
        print(stubs(sys.argv[2]), end="")
    elif verb == "check":
        check(sys.argv[2:])
    else:
        absent()


main()

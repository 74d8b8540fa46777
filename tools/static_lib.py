#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes an archive for static linking that defines a library's public symbols and nothing else.

    static_lib.py LIBRARY OUTPUT OWN.a [OTHER.a ...]

All of OWN.a and what it needs of the others become one object; symbols that tools/api_list.py does not list for LIBRARY
become local to it, so that names of rooms never meet those of programs.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    library, output, own, others = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    listed = subprocess.run([sys.executable, os.path.join(HERE, "api_list.py"), "list"], check=True, capture_output=True, text=True).stdout
    # Code of file systems is in libdaos: see src/meson.build.
    wanted = [library, "libdfs"] if library == "libdaos" else [library]
    names = [line.split()[1] for line in listed.splitlines() if line.split()[2] in wanted]
    with tempfile.TemporaryDirectory() as work:
        whole, keep = os.path.join(work, library + ".o"), os.path.join(work, "keep")
        with open(keep, "w") as out:
            out.write("\n".join(names) + "\n")
        subprocess.run(["ld", "-r", "-o", whole, "--whole-archive", own, "--no-whole-archive", "--start-group", *others, "--end-group"],
                       check=True)
        subprocess.run(["objcopy", "--keep-global-symbols=" + keep, whole], check=True)
        if os.path.exists(output):
            os.unlink(output)
        subprocess.run(["ar", "rcsD", output, whole], check=True)


main()

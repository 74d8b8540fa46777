#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads FLOORS and the folders under src/, and tells the build what the rooms are.

    rooms.py list  ROOT          one line a room that has sources: name|deps|libs|sources
    rooms.py tests ROOT          one line a test program:          name|room|deps|source
    rooms.py fuzz  ROOT          one line a fuzz target:           name|room|deps|source
    rooms.py program ROOT NAME NAMES..  sources of a program: cmd/NAME.c and those cmd/NAME_*.c that are not another's
    rooms.py closure ROOT ROOM.. those rooms and all below them that have sources, upper ones first
    rooms.py doors ROOT BUILD    makes BUILD/doors/<room>/ with links to the doors that room may include
    rooms.py stamp ROOT          a text that changes when a file or a floor does (for the Makefile)

A folder below src/ that is no room on FLOORS, a room that names one below its own line, a room without a door: each
is an error that names the line.
"""
import os, sys, glob, hashlib

# The words that every room speaks: the public headers that hold types and numbers, not calls.
VOCABULARY = ["daos_errno.h", "daos_types.h", "daos_obj_class.h", "daos_prop.h", "daos_security.h", "daos_version.h", "daos_obj.h",
              "gurt/types.h", "cart/types.h"]
OPEN_ROOMS = {"base", "proto", "env_sim", "sim"}   # small parts, each its own door: every header may be included
PUBLIC_ROOMS = {"lib", "cmd", "intercept"}  # rooms that speak the whole public interface
TEST_EXTRA = ["env_sim", "env_real", "ult"]  # a world for tests to stand in


def die(message):
    sys.exit("rooms: " + message)


class House:
    def __init__(self, root):
        self.root, self.src = root, os.path.join(root, "src")
        self.deps, self.libs, self.order = {}, {}, []
        with open(os.path.join(root, "FLOORS")) as floors:
            for number, line in enumerate(floors, 1):
                line = line.split("#")[0].strip()
                if not line:
                    continue
                parts = [p.strip() for p in line.split(":")]
                if len(parts) not in (2, 3):
                    die(f"FLOORS:{number}: expected 'room : rooms [: libraries]'")
                room, deps = parts[0], parts[1].split()
                if room in self.deps:
                    die(f"FLOORS:{number}: room '{room}' stands there twice")
                for dep in deps:
                    if dep not in self.deps:
                        die(f"FLOORS:{number}: '{room}' names '{dep}', which is not on a line above: floors have no circle")
                self.deps[room] = deps
                self.libs[room] = parts[2].split() if len(parts) == 3 else []
                self.order.append(room)
        self.check_folders()

    def check_folders(self):
        groups = {os.path.dirname(r) for r in self.order if "/" in r}
        for group in [""] + sorted(groups):
            for name in sorted(os.listdir(os.path.join(self.src, group))) if os.path.isdir(os.path.join(self.src, group)) else []:
                path = os.path.join(group, name) if group else name
                if os.path.isdir(os.path.join(self.src, path)) and path not in self.deps and path not in groups:
                    die(f"src/{path} is no room on FLOORS: add its line, or move the folder")

    def files(self, room, pattern):
        found = glob.glob(os.path.join(self.src, room, pattern))
        return sorted(os.path.relpath(f, self.root) for f in found)

    def sources(self, room):
        return self.files(room, "*.c") + self.files(room, "*.proto")

    def present(self, room):
        return bool(self.files(room, "*.c") or self.files(room, "*.h"))

    def doors(self, room):
        if room in OPEN_ROOMS:
            return self.files(room, "*.h")
        door = f"src/{room}/{os.path.basename(room)}.h"
        return [door] if os.path.exists(os.path.join(self.root, door)) else []

    def closure(self, rooms):
        seen = set()
        stack = list(rooms)
        while stack:
            room = stack.pop()
            if room not in seen:
                seen.add(room)
                stack += self.deps[room]
        return [r for r in reversed(self.order) if r in seen]

    def mangled(self, room):
        return room.replace("/", "_")

    def make_doors(self, build):
        for room in self.order:
            if not self.present(room):
                continue
            wanted = {}
            for scope, rooms in ((self.mangled(room), self.deps[room] + [room]),
                                 (self.mangled(room) + ".test", self.closure(self.deps[room] + [room] + TEST_EXTRA))):
                base = os.path.join(build, "doors", scope)
                wanted = {}
                for dep in rooms:
                    for door in self.doors(dep):
                        wanted[os.path.join(dep, os.path.basename(door))] = os.path.join(self.root, door)
                public = VOCABULARY
                if room in PUBLIC_ROOMS:
                    public = [os.path.relpath(f, os.path.join(self.root, "include"))
                              for f in glob.glob(os.path.join(self.root, "include", "**", "*.h"), recursive=True)]
                for header in public:
                    target = os.path.join(self.root, "include", header)
                    if os.path.exists(target):
                        wanted[header] = target
                self.lay_links(base, wanted)

    @staticmethod
    def lay_links(base, wanted):
        for folder, _, names in os.walk(base):
            for name in names:
                link = os.path.join(folder, name)
                if os.path.relpath(link, base) not in wanted:
                    os.unlink(link)
        for name, target in wanted.items():
            link = os.path.join(base, name)
            os.makedirs(os.path.dirname(link), exist_ok=True)
            if not os.path.islink(link) or os.readlink(link) != target:
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(target, link)


def main():
    if len(sys.argv) < 3:
        die(__doc__)
    verb, house = sys.argv[1], House(os.path.abspath(sys.argv[2]))
    if verb == "list":
        for room in house.order:
            if house.sources(room) and room != "cmd":
                deps = [d for d in house.closure(house.deps[room]) if house.sources(d)]
                print("|".join([room, " ".join(deps), " ".join(house.libs[room]), " ".join(house.sources(room))]))
    elif verb in ("tests", "fuzz"):
        folder, suffix = ("test", "_test") if verb == "tests" else ("fuzz", "_fuzz")
        for room in house.order:
            deps = [d for d in house.closure(house.deps[room] + [room] + TEST_EXTRA) if house.sources(d)]
            for source in house.files(room, f"{folder}/*{suffix}.c"):
                name = house.mangled(room) + "." + os.path.basename(source)[:-2]
                print("|".join([name, room, " ".join(deps), source]))
    elif verb == "program":
        name, others = sys.argv[3], [n for n in sys.argv[4:] if len(n) > len(sys.argv[3])]
        if os.path.exists(os.path.join(house.src, "cmd", name + ".c")):
            mine = [f for f in house.files("cmd", name + "_*.c")
                    if not any(os.path.basename(f)[:-2] == o or os.path.basename(f).startswith(o + "_") for o in others)]
            print(" ".join([f"src/cmd/{name}.c"] + mine))
    elif verb == "closure":
        print(" ".join(r for r in house.closure(sys.argv[3:]) if house.sources(r)))
    elif verb == "doors":
        house.make_doors(os.path.abspath(sys.argv[3]))
    elif verb == "stamp":
        names = sorted(glob.glob(os.path.join(house.src, "**", "*.[ch]"), recursive=True) +
                       glob.glob(os.path.join(house.src, "**", "*.proto"), recursive=True) +
                       glob.glob(os.path.join(house.root, "include", "**", "*.h"), recursive=True) +
                       glob.glob(os.path.join(house.root, "bench", "*.c")))
        text = "\n".join(names) + open(os.path.join(house.root, "FLOORS")).read()
        print(hashlib.sha256(text.encode()).hexdigest())
    else:
        die(f"unknown verb '{verb}'")


main()

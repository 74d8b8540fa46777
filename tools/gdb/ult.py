# SPDX-License-Identifier: Apache-2.0
"""gdb: user-level threads of a live process or a core.

    (gdb) source tools/gdb/ult.py
    (gdb) ults              every ULT of the streams that the host threads run, with its backtrace if it is suspended
    (gdb) ults EXPR         those of one stream: any expression that gives a struct xs *

A suspended ULT's registers lie on its stack where its context points (src/ult/context.h, x86-64); frames are followed by frame
pointers, which the build keeps, so that nothing is written to the process.
"""
import gdb

FRAMES_MAX = 64
SAVED_RBP, SAVED_PC = 0x30, 0x38
STATES = {0: "ready", 1: "running", 2: "waiting", 3: "done"}


def word(address):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8).tobytes(), "little")


def entries(head, type_name, member):
    """Walks a struct list."""
    entry_type = gdb.lookup_type("struct " + type_name)
    offset = next(f.bitpos // 8 for f in entry_type.fields() if f.name == member)
    node, end = head["next"], head.address
    while node != end:
        yield gdb.Value(int(node) - offset).cast(entry_type.pointer())
        node = node["next"]


def describe(pc):
    function = gdb.block_for_pc(pc)
    while function is not None and function.function is None:
        function = function.superblock
    where = gdb.find_pc_line(pc)
    text = function.function.name if function is not None else gdb.execute(f"info symbol {pc:#x}", to_string=True).split(" in section")[0].strip()
    if where.symtab is not None:
        text += f" at {where.symtab.filename}:{where.line}"
    return text


def backtrace(context):
    frame, pc = word(context + SAVED_RBP), word(context + SAVED_PC)
    for depth in range(FRAMES_MAX):
        print(f"    #{depth:<2} {pc:#018x} {describe(pc - (1 if depth else 0))}")
        try:
            frame, pc = word(frame), word(frame + 8)
        except gdb.MemoryError:
            return
        if frame == 0 or pc == 0:
            return


def show_stream(xs):
    print(f"stream {xs['name'].string()} (id {int(xs['id'])}): {int(xs['ult_nr'])} ULTs")
    for ult in entries(xs["ults"], "ult", "all"):
        state = STATES.get(int(ult["state"]), "?")
        fn = describe(int(ult["fn"]))
        print(f"  ULT {int(ult):#x} \"{ult['name'].string()}\" {ult['cls']} {state}, {fn}")
        if state in ("ready", "waiting"):
            backtrace(int(ult["context"]))


class Ults(gdb.Command):
    __doc__ = __doc__

    def __init__(self):
        super().__init__("ults", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        if argument:
            show_stream(gdb.parse_and_eval(argument))
            return
        chosen, seen = gdb.selected_thread(), set()
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            try:
                xs = gdb.parse_and_eval("xs_current")
            except gdb.error:
                continue
            if int(xs) != 0 and int(xs) not in seen:
                seen.add(int(xs))
                show_stream(xs)
        chosen.switch()
        if not seen:
            print("no host thread runs a stream; try: ults EXPR")


Ults()

#!/usr/bin/env drgn
# SPDX-License-Identifier: GPL-2.0-only
"""
What dualbm knew, read from a dead machine's memory.

  drgn -c CORE -s VMLINUX -s DUALBM.KO dualbm-drgn.py [WHAT...]

CORE is /proc/vmcore, what kdump saved (after makedumpfile -R, where it is flattened), or
what QEMU's dump-guest-memory wrote; without -c it is the machine that runs. VMLINUX is
the one of the kernel's debug package. DUALBM.KO is the module as DKMS installed it, which
is not stripped.

WHAT: state, stats, hooks, ring, frame PFN... (0x.. or decimal); without one of them all
but frames. The words are those of /sys/kernel/dualbm and of docs/interface.md.
"""
import sys

from drgn import FaultError, FindObjectFlags
from drgn.helpers.linux.cpumask import for_each_possible_cpu
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.mm import pfn_to_page
from drgn.helpers.linux.percpu import per_cpu


def variable(name, filename):
    """A variable of the module; many of its names are static."""
    return prog.object(name, FindObjectFlags.VARIABLE, filename)


def text(pointer):
    return pointer.string_().decode(errors="replace") if pointer else "-"


def named(table, filename, index):
    """A word from one of the module's tables of names, by the value of its enum."""
    names = variable(table, filename)
    if index >= len(names):
        return f"{index}?"
    return text(names[index])


def module_of(address):
    """The module that an address lies in, whose file nobody has given."""
    for module in list_for_each_entry("struct module", prog["modules"].address_of_(), "list"):
        try:
            # Since 6.4 a module's memory is an array of areas.
            areas = list(module.mem)
        except AttributeError:
            areas = [module.core_layout]
        for area in areas:
            if 0 <= address - area.base.value_() < area.size.value_():
                return f" [{text(module.name)}]"
    return ""


def symbol(address):
    try:
        found = prog.symbol(address)
    except LookupError:
        return hex(address) + module_of(address)
    return f"{found.name}+{address - found.address:#x}"


def show_state():
    state = variable("state", "dualbm_mode.c")
    word = named("state_names", "dualbm_mode.c", state.value_())
    withheld = bool(variable("panic_withheld", "dualbm_mode.c"))
    trouble = variable("trouble", "dualbm_mode.c")
    if word == "armed" and (withheld or trouble):
        word = "degraded"
    policy = variable("dualbm_policy", "dualbm_param.c")
    print(f"state={word} policy={'panic' if policy else 'report'}"
          f" panic_withheld={int(withheld)} trouble={text(trouble)}")


def show_stats():
    names = variable("stat_names", "dualbm_sysfs.c")
    counters = prog["dualbm_counters"]
    values = [0] * len(names)
    for cpu in for_each_possible_cpu(prog):
        of_cpu = per_cpu(counters, cpu)
        for index in range(len(names)):
            values[index] += of_cpu.stat[index].value_()
        for index, blocks in enumerate((of_cpu.alloc, of_cpu.free)):
            for order in range(len(blocks)):
                values[2 * index] += blocks[order].value_()
                values[2 * index + 1] += blocks[order].value_() << order
    for index, name in enumerate(names):
        # What is put together when the file is read is not in memory.
        if not text(name).startswith(("pages_", "plane_bytes", "hooks_missed", "census_")):
            print(text(name), values[index])
    # When it was last counted: by the scrubber, or at the end of learning.
    census = variable("census", "dualbm_census.c")
    for name in ("managed", "allocated", "free", "untracked"):
        print("pages_" + name, census.member_(name).value_())


def mechanism_of(hook):
    name = named("mechanism_names", "dualbm_hooks.c", hook.mechanism.value_())
    if name != "jump":
        return name
    # It may have become another one.
    side = "free_side" if text(hook.symbols[0]) == "__free_pages" else "alloc_side"
    now = variable(side, "dualbm_boundary.c").mechanism
    return named("mechanism_names", "dualbm_hooks.c", now.value_())


def show_hooks():
    counters = prog["dualbm_counters"]
    hooks = variable("dualbm_hooks", "dualbm_hooks.c")
    for index in range(len(hooks)):
        hook = hooks[index]
        if not hook.attached:
            continue
        hits = 0
        for cpu in for_each_possible_cpu(prog):
            of_cpu = per_cpu(counters, cpu)
            hits += of_cpu.hits[index].value_()
            if index < 2:
                hits += sum(n.value_() for n in (of_cpu.alloc, of_cpu.free)[index])
        print(text(hook.symbol or hook.symbols[0]), mechanism_of(hook), hits,
              "required" if hook.required else "optional", "dead" if hook.dead else "live")


def records():
    ring = variable("ring", "dualbm_report.c")
    slots = [slot for slot in ring if slot.sequence]
    return [slot.record for slot in sorted(slots, key=lambda slot: slot.sequence.value_())]


def show_record(record):
    number = record.number.value_()
    print(f"record={number} time_ns={record.time_ns.value_()}"
          f" class={named('dualbm_class_names', 'dualbm_names.c', record.member_('class').value_())}"
          f" pfn={record.first.value_():#x} order={record.order.value_()}"
          f" block={record.pfn.value_():#x} frames={record.frames.value_()}"
          f" proof={named('dualbm_proof_names', 'dualbm_names.c', record.proof.value_())}"
          f" event={named('dualbm_event_names', 'dualbm_names.c', record.event.value_())}"
          f" code={named('dualbm_code_names', 'dualbm_names.c', record.code.value_())}"
          f" node={record.node.value_()} cpu={record.cpu.value_()} pid={record.pid.value_()}"
          f" comm={text(record.comm)} caller={text(record.caller_name) or '-'}"
          f" what={text(record.what)} value={record.value.value_()}")
    for index in range(record.stack_entries.value_()):
        print("   ", symbol(record.stack[index].value_()))


def show_ring():
    found = records()
    print(f"findings={variable('ring_next', 'dualbm_report.c').counter.value_()} kept={len(found)}")
    for record in found:
        show_record(record)


def chunk_of(pfn):
    chunks = prog["dualbm_chunks"]
    for chunk in list_for_each_entry("struct dualbm_chunk", chunks.address_of_(), "list"):
        words = len(variable("trial", "dualbm_trial.c").suspects)
        if 0 <= pfn - chunk.start_pfn.value_() < words * 64:
            return chunk, words
    return None, 0


def show_frame(pfn):
    chunk, words = chunk_of(pfn)
    if chunk is None:
        print(f"pfn={pfn:#x} is not managed")
        return
    frame = pfn - chunk.start_pfn.value_()
    stride = max(words, prog["PAGE_SIZE"].value_() // 8)
    bits = [chunk.planes[plane * stride + frame // 64].value_() >> frame % 64 & 1
            for plane in range(4)]
    code = sum(bit << plane for plane, bit in enumerate(bits))
    print(f"pfn={pfn:#x} state={named('dualbm_code_names', 'dualbm_names.c', code)}"
          f" primary={bits[0]} secondary={bits[1]} untracked={bits[2]} known={bits[3]}"
          f" chunk={chunk.start_pfn.value_():#x} node={chunk.node.value_()}")
    try:
        page = pfn_to_page(prog, pfn)
        print(f"  page: flags={page.flags.value_():#x}"
              f" refcount={page._refcount.counter.value_()}"
              f" mapcount={page._mapcount.counter.value_()}")
    except (FaultError, AttributeError) as error:
        print(f"  page: not readable: {error}")
    for record in records():
        if (record.first.value_() <= pfn <= record.last.value_() or
                0 <= pfn - record.pfn.value_() < 1 << record.order.value_()):
            show_record(record)


def main(words):
    shows = {"state": show_state, "stats": show_stats, "hooks": show_hooks, "ring": show_ring}
    try:
        policy = prog.object("dualbm_policy", FindObjectFlags.VARIABLE, "dualbm.c")
    except LookupError:
        sys.exit("dualbm-drgn: no debug information of dualbm: give the installed module"
                 " with -s, or it was not loaded on that machine")
    if policy.address_ < 1 << 32:
        sys.exit("dualbm-drgn: drgn cannot tell where the module was: it is not the module"
                 " that was loaded, or this drgn is too old for the kernel (6.4 needs 0.0.23)")
    if not words:
        words = list(shows)
    while words:
        word = words.pop(0)
        if word == "frame":
            if not words:
                sys.exit("dualbm-drgn: frame: a PFN is missing")
            while words and words[0] not in shows:
                pfn = words.pop(0)
                try:
                    show_frame(int(pfn, 0))
                except ValueError:
                    sys.exit(f"dualbm-drgn: \"{pfn}\" is not a PFN: use 0x.. or a decimal number")
        elif word in shows:
            shows[word]()
        else:
            sys.exit(f"dualbm-drgn: unknown word \"{word}\": use {', '.join(shows)} or frame PFN")


main(sys.argv[1:])

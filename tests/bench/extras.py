# SPDX-License-Identifier: MIT
"""extras.py - what the full run measures beside the table

Each section is a function of a Bench (see run) that gives findings, and may add curves to the
picture.  Ratios are to the kernel's swap in the same section.
"""
import contextlib
import ctypes.util
import os
import statistics
import subprocess
import time

from contest import LIBRARY, PLAIN_4K, PLAIN_HUGE, RUN, Contestant, Failure, environment, kernel, library
from machine import MIB
from table import Finding, Line, cpu_of, misses_of, ratio
from plan import Row


def duel(bench, section, row, budget, data, others, rounds=None, **options):
    """Rounds of a row with these contestants beside the kernel; gives the line."""
    line = Line(row, data // budget)
    contestants = list(others) + [kernel(bench.best_cluster(row))]
    for turn in range(1, (rounds or bench.mode.rounds) + 1):
        for contestant in contestants:
            line.add(contestant.name,
                     bench.runner.run(section, contestant, row.workload, budget, turn, data=data,
                                      threads=row.threads, seconds=bench.mode.seconds,
                                      slow=bench.slow_us, **options))
    return line


def fallbacks(bench):
    """What machines do that lack MOVE or io_uring."""
    rows = [(Row("sequential-read", 1.5), 1.5), (Row("sequential-update", 1.5), 1.5),
            (Row("random-read", 0.8, threads=4), 0.8), (Row("random-update", 0.8, threads=4), 0.8),
            (Row("zipf", 0.8, threads=4), 0.8)]
    names = ["move", "uring", "move,uring"]
    budget = bench.mode.budget
    for row, least in rows:
        others = [library(name=f"without-{name}", disable=name) for name in names]
        line = duel(bench, "fallbacks", row, budget, 2 * budget, others, rounds=1)
        for other in others:
            yield Finding(f"{row.label}, SPILL_DISABLE={other.disable}", line.ratio(other.name),
                          "x kernel", f"{line.cell(other.name).spread()} {line.unit}", least=least)


def spin(bench):
    """CPU time without the bounded spin."""
    budget = bench.mode.budget
    for threads, most in ((1, 2.0), (4, 1.3)):
        row = Row("random-read", None, threads=threads)
        line = duel(bench, "spin", row, budget, 2 * budget,
                    [LIBRARY, library(name="without-spin", disable="spin")], rounds=1)
        yield Finding(f"{row.label}: CPU with --disable=spin", line.cpu_ratio("without-spin"),
                      "x kernel", f"with spin {line.cpu_ratio() or 0:.2f}, throughput "
                      f"{line.ratio('without-spin') or 0:.2f} and {line.ratio() or 0:.2f}",
                      most=most)


def no_pressure(bench):
    """Data that fits: nothing may be lost, with pages of either size."""
    data = bench.mode.budget
    for workload in ("first-touch", "repeat-read", "repeat-update"):
        for huge, plain in (("no", PLAIN_4K), ("yes", PLAIN_HUGE)):
            ours = library(name=f"library-{plain.name.split('-')[1]}", huge=huge)
            line = Line(Row(workload, None), 1)
            for turn in range(1, bench.mode.rounds + 3):
                for contestant in (ours, plain):
                    line.add(contestant.name,
                             bench.runner.run("no pressure", contestant, workload, 2 * data, turn,
                                              data=data))
            armed = any(result["stats"]["armed"] for result in line.cell(ours.name).results)
            yield Finding(f"{workload}, fits, {plain.name}" + ", ARMED" * armed,
                          ratio(line.cell(ours.name).value(), line.cell(plain.name).value()),
                          "x plain", f"{line.cell(ours.name).spread()}, plain "
                          f"{line.cell(plain.name).spread()} {line.unit}", least=0.99)


def just_over(bench):
    """No cliff where the data is a little larger than the budget."""
    budget = bench.mode.budget
    data = budget * 11 // 10
    row = Row("zipf", None)
    line = duel(bench, "1.1 x", row, budget, data, [LIBRARY, PLAIN_4K, PLAIN_HUGE])
    for plain in (PLAIN_4K, PLAIN_HUGE):
        least = 0.5 if plain is PLAIN_4K else None
        yield Finding(f"zipf, data 1.1 x budget, over {plain.name}",
                      ratio(line.cell("library").value(), line.cell(plain.name).value()),
                      "x plain", f"over the kernel {line.ratio() or 0:.2f}", least=least)


def age(bench):
    """Sequential reading after 20 turnovers of random updates, swap of twice the data."""
    budget = bench.mode.small
    data = 2 * budget
    swap = f"{bench.machine.directory},limit={2 * data}"
    with bench.machine.other_swap(2 * data):
        theirs = bench.runner.run("age", kernel(bench.machine.default_cluster), "age", budget,
                                  data=data, threads=16)
    ours = bench.runner.run("age", LIBRARY, "age", budget, data=data, threads=16, swap=swap)
    for name, result, least in (("library", ours, 0.6), ("kernel", theirs, None)):
        if result:
            yield Finding(f"sequential read, aged over fresh, {name}", result["value"], "x",
                          f"{result['fresh_mb_s']:.0f} fresh, {result['first_mb_s']:.0f} first, "
                          f"{result['aged_mb_s']:.0f} MB/s aged", least=least)


def contention(bench):
    """Two and four busy processes to each CPU; and a real-time thread that keeps one CPU."""
    budget, cpus = bench.mode.small, os.cpu_count()
    data = 2 * budget
    soft = bench.runner.run("contention", LIBRARY, "soft", budget, data=data, hogs=2 * cpus,
                            slow=0, seconds=5)
    if soft:
        yield Finding("soft fault p50, CPUs busy", soft["slow_us"]["p50"], "us",
                      f"{soft['touches']} faults", most=50)
        yield Finding("soft fault p99, CPUs busy", soft["slow_us"]["p99"], "us",
                      f"most {soft['slow_us']['most']:.0f}", most=10000)
    for busy in (2, 4):
        for row, least in ((Row("random-read", None), 0.7), (Row("sequential-read", None), 1)):
            line = duel(bench, "contention", row, budget, data, [LIBRARY], hogs=busy * cpus)
            cell, best = line.cell("library"), line.best_kernel()
            beside = f"{cell.spread()} {line.unit}"
            if row.workload == "random-read":
                beside += (f"; p99.9 {cell.slow_us('p99.9') or 0:.0f} us, kernel "
                           f"{best.slow_us('p99.9') or 0:.0f}")
            yield Finding(f"{row.label}, {busy} busy to a CPU", line.ratio(), "x kernel", beside,
                          least=least)
    for words, options in (("a CPU quota of one", dict(quota=1)), ("one CPU", dict(cpus=1))):
        for row, least in ((Row("random-read", None, threads=4), 0.7),
                           (Row("sequential-read", None), 1)):
            line = duel(bench, "contention", row, budget, data, [LIBRARY], **options)
            yield Finding(f"{row.label}, {words}", line.ratio(), "x kernel",
                          f"{line.cell('library').spread()} {line.unit}", least=least)
    if cpus > 1 and os.geteuid() == 0:
        fifo = bench.runner.run("contention", LIBRARY, "random-read", budget, data=data, fifo=0,
                                slow=bench.slow_us, seconds=3)
        if fifo:
            yield Finding("longest fault beside a SCHED_FIFO thread",
                          fifo["slow_us"]["most"] / 1000, "ms",
                          f"p99.9 {fifo['slow_us']['p99.9'] / 1000:.2f} ms", most=20)


COUNTS = {"syscalls": "system calls", "switches": "context switches", "page_faults": "page faults",
          "flushes": "TLB flushes", "frames": "frames allocated"}


def operations(bench):
    """What the kernel does for a miss, the evictions that make room for it included."""
    budget = bench.mode.budget
    for row in (Row("random-read", None), Row("random-read", None, threads=4),
                Row("random-read", None, threads=16), Row("random-update", None, threads=4)):
        results = [bench.runner.run("operations", contestant, row.workload, budget,
                                    data=2 * budget, threads=row.threads,
                                    seconds=bench.mode.seconds, count=True)
                   for contestant in (LIBRARY, kernel(bench.best_cluster(row)))]
        if not results[0]:
            continue
        ours, theirs = ({name: count / (misses_of(result) or 1)
                         for name, count in result["counts"].items()} if result else {}
                        for result in results)
        stats = results[0]["stats"]
        misses = misses_of(results[0]) or 1
        yield Finding(f"{row.label}: pages evicted for each miss", stats["pages_evicted"] / misses,
                      "", f"{stats['pages_unread'] / misses:.2f} written and back unread")
        threads = results[0]["seconds"] * row.threads * 1e9
        yield Finding(f"{row.label}: time that threads waited for major faults",
                      100 * stats["wait_major"] / threads, "%",
                      f"soft {100 * stats['wait_soft'] / threads:.1f} %, "
                      f"zero {100 * stats['wait_zero'] / threads:.1f} %")
        for name, words in COUNTS.items():
            if name in ours:
                yield Finding(f"{row.label}: {words} for each miss", ours[name], "",
                              f"kernel {theirs.get(name, 0):.2f}")


def larger(bench):
    """Rows of the table with a larger budget."""
    budget = 4 * bench.mode.budget
    for row in (Row("sequential-read", None), Row("sequential-update", None),
                Row("random-read", None), Row("random-read", None, threads=4),
                Row("random-update", None, threads=4), Row("zipf", None, threads=4)):
        line = duel(bench, "larger", row, budget, 2 * budget, [LIBRARY, RUN], rounds=1)
        yield Finding(f"{row.label}, budget {budget // MIB} MiB", line.ratio(), "x kernel",
                      f"run {line.ratio('run') or 0:.2f}, {line.cell('library').spread()} "
                      f"{line.unit}")


def idle(bench):
    """A program that does nothing leaves the handlers asleep."""
    budget = bench.mode.small
    result = bench.runner.run("idle", LIBRARY, "idle", budget, data=2 * budget, seconds=5)
    if result:
        used = result["user_seconds"] + result["system_seconds"]
        yield Finding("wake-ups of an idle program", result["value"], "1/s",
                      f"{used * 1000:.1f} ms CPU in 5 s", most=4)


def readers(bench):
    """A hundred that read the statistics, ten times a second each."""
    budget = bench.mode.small
    for row in (Row("random-read", None), Row("sequential-read", None)):
        line, shares = Line(row, 2), []
        for turn in range(1, bench.mode.rounds + 5):
            for name, count in (("alone", 0), ("read", 100)):
                result = bench.runner.run("readers", library(name=name), row.workload, budget,
                                          turn, data=2 * budget, slow=bench.slow_us,
                                          seconds=bench.mode.seconds, readers=count)
                line.add(name, result)
                if result and count:
                    shares.append(100 * result["reading_seconds"] / result["seconds"] / os.cpu_count())
        yield Finding(f"{row.label}: with 100 readers",
                      ratio(line.cell("read").value(), line.cell("alone").value()),
                      "x without", f"{line.cell('read').spread()}, without "
                      f"{line.cell('alone').spread()} {line.unit}", least=0.99)
        if shares:
            yield Finding(f"{row.label}: CPU time of the readers", statistics.median(shares),
                          "% of all", f"from {min(shares):.2f} to {max(shares):.2f}", most=1)


STARTS = 100


def start_time(command):
    """Milliseconds, the median of many starts."""
    times = []
    for _ in range(STARTS):
        begin = time.monotonic()
        subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        times.append((time.monotonic() - begin) * 1000)
    return statistics.median(times)


def start_up(bench):
    """/bin/true, plainly and under spill run."""
    try:
        plain = start_time(["/bin/true"])
        ours = start_time([bench.runner.spill, "run", "--", "/bin/true"])
    except subprocess.CalledProcessError as error:
        raise Failure(f"spill run /bin/true: status {error.returncode}") from None
    yield Finding("start of /bin/true under spill run", ours - plain, "ms more than plain",
                  f"{ours:.2f} and {plain:.2f} ms", most=5)


def malloc(bench):
    """A program that does little but allocate, without pressure, beside jemalloc as it is."""
    name = ctypes.util.find_library("jemalloc")
    if not name:
        raise Failure("jemalloc is not installed as a shared library")
    plain = Contestant("jemalloc", "plain")
    for threads in (1, 4):
        line = Line(Row("malloc", None, threads=threads), 1)
        for turn in range(1, bench.mode.rounds + 3):
            for contestant, preload in ((Contestant("run", "plain", preload=True), None),
                                        (plain, name)):
                with preloaded(preload):
                    line.add(contestant.name,
                             bench.runner.run("malloc", contestant, "malloc", 4096 * MIB, turn,
                                              threads=threads))
        yield Finding(f"malloc and free, {threads} threads",
                      ratio(line.cell("run").value(), line.cell("jemalloc").value()),
                      "x jemalloc", f"{line.cell('run').spread()}, jemalloc "
                      f"{line.cell('jemalloc').spread()} {line.unit}", least=0.9)


def fork(bench):
    """fork and exec of /bin/true with 16 times the budget, beside as much plain memory, and plain
    memory of the budget's size, whose page tables the kernel has to copy for us as well."""
    budget = bench.mode.budget
    line = Line(Row("fork", None), 16)
    run = Contestant("run", "plain", preload=True)
    for turn in range(1, bench.mode.rounds + 1):
        line.add("run", bench.runner.run("fork", run, "fork", budget, turn, data=16 * budget))
        for name, times in (("all of it", 16), ("of the budget's size", 1)):
            line.add(name, bench.runner.run("fork", PLAIN_4K, "fork", budget, turn,
                                            data=times * budget))
    for name in ("all of it", "of the budget's size"):
        yield Finding(f"fork and exec, 16 x budget paged out, beside plain memory, {name}: time",
                      ratio(line.cell(name).value(), line.cell("run").value()), "x plain",
                      f"{line.cell('run').spread()}, plain {line.cell(name).spread()} {line.unit}",
                      most=1.3)


@contextlib.contextmanager
def preloaded(library_name):
    """The environment of what is run meanwhile."""
    if library_name:
        os.environ["LD_PRELOAD"] = library_name
    try:
        yield
    finally:
        os.environ.pop("LD_PRELOAD", None)


def scale(bench):
    """Handlers, threads, ranges, a sparse terabyte."""
    budget = bench.mode.small
    options = dict(data=2 * budget, threads=16, seconds=bench.mode.seconds, slow=bench.slow_us)
    for handlers in range(1, min(4, os.cpu_count()) + 1):
        ours = library(name=f"handlers-{handlers}", handlers=handlers)
        result = bench.runner.run("scale", ours, "random-read", budget, **options)
        if result:
            yield Finding(f"random-read x16, handlers {handlers}", result["value"], "op/s")
    line = duel(bench, "scale", Row("random-read", None, threads=64), budget, 2 * budget,
                [LIBRARY], rounds=1)
    yield Finding("random-read x64", line.ratio(), "x kernel",
                  f"{line.cell('library').spread()} {line.unit}")
    # Most of the memory that these take are tables, the kernel's too; no limit but the budget's.
    free = Contestant("library-free", "library")
    ranges = bench.runner.run("scale", free, "ranges", budget)
    if ranges:
        yield Finding("ranges reserved and released", ranges["value"], "1/s",
                      f"{ranges['operations']:.0f} ranges, {ranges['mappings']:.0f} mappings, "
                      f"{ranges['stats']['metadata'] / MIB:.1f} MiB of tables")
    sparse = bench.runner.run("scale", free, "sparse", budget)
    if sparse:
        yield Finding("1 TiB reserved: tables for each page touched",
                      2 * sparse["stats"]["metadata"] / sparse["operations"], "bytes",
                      f"{sparse['stats']['metadata'] / MIB:.1f} MiB in all")


def miss_cost(result):
    """(us of CPU, us of time) for a miss of one thread."""
    misses = result["stats"]["faults_major"] or 1
    return (cpu_of(result) * result["operations"] * 1e6 / misses,
            result["seconds"] * 1e6 / misses)


def cost_curve(bench, title, cases):
    """cases: (name, options); gives the finding, and adds a curve to the picture."""
    points = []
    for name, options in cases:
        result = bench.runner.run("cost", LIBRARY, "random-read", bench.mode.small,
                                  slow=bench.slow_us, seconds=2 * bench.mode.seconds, **options)
        if result:
            cpu, wall = miss_cost(result)
            points.append((name, {"time": wall, "CPU": cpu}))
    if len(points) > 1:
        bench.curves.append((title, "us, 1 thread", points))
        first, last = points[0][1]["CPU"], points[-1][1]["CPU"]
        yield Finding(f"{title}: CPU, last over first", last / first, "x",
                      f"{first:.0f} us at {points[0][0]}, {last:.0f} us at {points[-1][0]}")


def cost(bench):
    """What a miss costs as swap fills, and as regions grow in number."""
    budget = bench.mode.small
    yield from cost_curve(bench, "A miss by data",
                          [(f"{n} x", dict(data=n * budget)) for n in (2, 4, 8, 16)])
    yield from cost_curve(bench, "A miss by regions",
                          [(f"{n}", dict(data=2 * budget, regions=n)) for n in (1, 16, 256, 4096)])


def large(bench):
    """Data of 16 times the budget."""
    budget = bench.mode.small
    for row in (Row("sequential-read", None), Row("random-read", None, threads=4),
                Row("zipf", None, threads=4)):
        line = duel(bench, "16 x", row, budget, 16 * budget, [LIBRARY], rounds=1)
        yield Finding(f"{row.label}, data 16 x budget", line.ratio(), "x kernel",
                      f"{line.cell('library').spread()} {line.unit}, CPU "
                      f"{line.cpu_ratio() or 0:.2f}")


SECTIONS = [("operations", operations), ("larger", larger), ("fallbacks", fallbacks), ("spin", spin),
            ("no pressure", no_pressure), ("just over", just_over), ("age", age),
            ("contention", contention), ("idle", idle), ("readers", readers), ("start", start_up), ("malloc", malloc), ("fork", fork), ("scale", scale),
            ("cost", cost), ("large", large)]

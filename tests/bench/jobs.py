# SPDX-License-Identifier: MIT
"""jobs.py - real programs with a third, a half and three quarters of their memory (BENCH=jobs)

Each runs once with all the memory that it wants; what it then has resident at most is what the
budgets are parts of.  Beside the kernel's swap with the same budget, counted: the pages that are read
and written, and the soft faults, which the kernel's swap does not have; also what the pager says of
itself, the part of what it wrote that came back unread, and the time for which faults were waited for.
"""
import collections
import os
import random
import shutil
import subprocess
import sys

from contest import PLAIN, RUN, kernel
from machine import MIB
from programs import Program
from table import factor, geometric_mean, ratio

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jobs")
SHARES = [("1/3", 1 / 3), ("1/2", 1 / 2), ("3/4", 3 / 4)]
LINES = 2_500_000
PLENTY = 16 << 30
COLLECTORS = ["Serial", "Parallel", "G1"]

# What is told of a run: of both sides, and of the pager alone.
BOTH = ["seconds", "pages_read", "pages_written"]
OURS = ["faults_soft", "faults_major", "pages_unread", "soft_seconds", "major_seconds"]
Facts = collections.namedtuple("Facts", BOTH + OURS)


def job(name):
    return os.path.join(HERE, name)


def make_lines(path):
    rng = random.Random(1)
    with open(path, "w") as file:
        for i in range(LINES):
            file.write(f"{rng.getrandbits(64):020} a line that is longer {i}\n")


def all_jobs(directory, solve, wanted):
    """Those that are wanted and whose programs are there."""
    def may_run(name, command):
        return shutil.which(command) and wanted(name)

    if wanted("conjugate gradients"):
        yield Program("conjugate gradients", [solve, "1600", "20"])
    if wanted("python"):
        yield Program("python", [os.path.realpath(sys.executable), job("collect.py"), "400000"])
    if may_run("sqlite join", "sqlite3"):
        yield Program("sqlite join", ["sqlite3", "-batch", ":memory:"], job("join.sql"))
    if may_run("sort", "sort"):
        text = os.path.join(directory, "lines")
        make_lines(text)
        yield Program("sort", ["sort", "--parallel=1", "-S", "1G", "-T", directory, text])
        os.unlink(text)
    for collector in COLLECTORS:
        name = f"java {collector}"
        if may_run(name, "javac"):
            subprocess.run(["javac", "-d", directory, job("Lists.java")], check=True)
            yield Program(name, ["java", "-Xmx700m", f"-XX:+Use{collector}GC",
                                 "-cp", directory, "Lists", "1250000", "400000"])
    if may_run("node", "node"):
        yield Program("node", ["node", job("lists.js"), "1000000", "400000"])


def facts_of(contestant, found):
    if contestant.preload:
        stats = found["stats"]
        written = stats["bytes_written"] // os.sysconf("SC_PAGESIZE")
        return Facts(found["wall"], stats["pages_read"], written, *(stats[name] for name in OURS))
    return Facts(found["wall"], *found["swapped"], *(None for _ in OURS))


class Comparison:
    """One program with one budget."""

    def __init__(self, program, share, budget):
        self.program = program
        self.share = share
        self.budget = budget
        self.ours = self.theirs = None   # Facts

    def run(self, runner, contestant, attempts):
        """The kernel may kill its own program for want of memory: it has another go."""
        for turn in range(1, attempts + 1):
            found = self.program.run(runner, contestant, self.budget, turn)
            if found:
                return facts_of(contestant, found)
        return None

    def measure(self, runner):
        self.ours = self.run(runner, RUN, 1)
        self.theirs = self.run(runner, kernel(runner.machine.default_cluster), 2)

    def over_kernel(self, name):
        if self.ours and self.theirs:
            return ratio(getattr(self.ours, name), getattr(self.theirs, name))
        return None

    def as_json(self):
        sides = {"spill": self.ours, "kernel": self.theirs}
        return {"job": self.program.name, "share": self.share, "budget": self.budget,
                **{side: facts._asdict() if facts else None for side, facts in sides.items()}}

    def line(self):
        cells = []
        for name in BOTH:
            for facts in self.ours, self.theirs:
                value = getattr(facts, name) if facts else None
                cells.append(factor(value) if name == "seconds" else value)
            cells.append(factor(self.over_kernel(name)))
        if self.ours:
            cells += [factor(ratio(self.ours.faults_soft, self.ours.faults_major)),
                      factor(ratio(self.ours.pages_unread, self.ours.pages_written)),
                      factor(ratio(self.ours.soft_seconds, self.ours.seconds)),
                      factor(ratio(self.ours.major_seconds, self.ours.seconds))]
        return f"{self.program.name:20} {self.share:>4} {self.budget // MIB:>4}M " + " ".join(
            f"{cell if cell is not None else '-':>9}" for cell in cells)


def memory_of(runner, program):
    facts = program.run(runner, RUN, PLENTY, 0)
    return facts["stats"]["max_rss"] if facts else None


def run_job(runner, program):
    """Gives a comparison for each budget."""
    program.run(runner, PLAIN, 0, 1)
    memory = memory_of(runner, program)
    for share, part in SHARES if memory else []:
        comparison = Comparison(program, share, int(memory * part))
        comparison.measure(runner)
        yield comparison


def print_jobs(done):
    if not done:
        return
    print(f"\n{'':32}{'seconds':>29} {'pages read':>29} {'pages written':>29} "
          f"{'soft for':>9} {'unread of':>9} {'of the time in':>19}")
    print(f"{'':32}" + " ".join(f"{name:>9}" for name in ["spill", "kernel", "ratio"] * 3
                                + ["a miss", "written", "soft", "major"]))
    for comparison in done:
        print(comparison.line())
    for name in BOTH:
        mean = geometric_mean([comparison.over_kernel(name) for comparison in done])
        print(f"geometric mean, spill over kernel: {name.replace('_', ' ')} {factor(mean)}")

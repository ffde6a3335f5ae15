# SPDX-License-Identifier: MIT
"""programs.py - real programs, each with data of about twice the budget

Their text is of random characters, so that nothing is saved by compressing it, and that of sort
comes in sorted runs, as what is sorted mostly does.
"""
import base64
import hashlib
import os
import random
import shutil
import sys
import time

from contest import Failure, PLAIN, RUN, kernel
from plan import PROGRAM_TARGET
from table import Finding, median, ratio

RUNS = 4            # sorted runs in the text
LINE = 237          # random characters to a line
RECORD = 1150       # bytes of memory for a record of the Python job
ROW = 190           # bytes of memory for a row of the SQL job, its index included

PYTHON = """
import random, sys, zlib
count = int(sys.argv[1])
rng = random.Random(1)
records, by_name = [], {}
for i in range(count):
    record = [i, rng.randbytes(270).hex(), {"price": rng.getrandbits(20)}]
    records.append(record)
    by_name[f"record {i}"] = record
check = total = 0
for i, text, fields in records:
    check = zlib.crc32(text.encode(), check)
    total += fields["price"]
for i in range(0, count, max(1, count // 1000)):
    total += by_name[f"record {i * 7919 % count}"][0]
print(len(records), check, total)
"""

SQL = """
PRAGMA temp_store = MEMORY;
CREATE TABLE t (k TEXT, v TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
INSERT INTO t SELECT printf('%08x', i * 2654435761 % 4294967296),
    printf('%08x%08x%08x%08x%08x%08x%08x%08x', i * 2246822519 % 4294967291,
           i * 3266489917 % 4294967279, i * 668265263 % 4294967231, i * 374761393 % 4294967197,
           i * 2654435769 % 4294967189, i * 1640531527 % 4294967161,
           i * 97531 * 86423 % 4294967143, i * 1103515245 % 4294967111) FROM n;
CREATE INDEX t_k ON t (k);
SELECT count(*), sum(length(v)) FROM t;
SELECT k, v FROM t ORDER BY k LIMIT 1000;
"""


def make_text(path, size):
    """Lines of a number that grows within a run, and random characters."""
    rng = random.Random(1)
    lines = max(1, size // (LINE + 14) // RUNS)
    with open(path, "w") as file:
        for _ in range(RUNS):
            for n in range(lines):
                noise = base64.b64encode(rng.randbytes(LINE * 3 // 4)).decode()
                file.write(f"{n:012} {noise}\n")


class Program:
    def __init__(self, name, command, stdin=None):
        self.name = name
        self.command = command
        self.stdin = stdin
        self.times = {}
        self.digest = None

    def run(self, runner, contestant, budget, turn):
        """Gives the facts of the run, or None if it failed or was not to be."""
        if not contestant.needs(runner.machine) or runner.out_of_time():
            return None
        out = os.path.join(runner.machine.directory, "program-out")
        entry = {"section": "programs", "contestant": contestant.name, "round": turn,
                 "workload": self.name, "budget": budget}
        what = f"programs: {self.name}, {contestant.name}, {turn}"
        facts = None
        start = time.monotonic()
        try:
            with open(out, "wb") as stdout, open(self.stdin or os.devnull, "rb") as stdin:
                _, facts = runner.execute(contestant, budget, self.command, stdout, stdin)
            entry.update(facts)
            self.compare(digest(out))
            self.times.setdefault(contestant.name, []).append(facts["wall"])
            runner.say(what, f"{facts['wall']:.2f} s", facts["wall"])
        except Failure as failure:
            facts = None
            runner.note(entry, what, failure, time.monotonic() - start)
        runner.results.append(entry)
        if os.path.exists(out):
            os.unlink(out)
        return facts

    def compare(self, found):
        """All outputs have to be that of the first run, the plain one."""
        self.digest = self.digest or found
        if found != self.digest:
            raise Failure("its output differs from that of the plain run")

    def time(self, name):
        return median(self.times.get(name))

    def best_kernel(self):
        times = [self.time(name) for name in self.times if name.startswith("kernel-")]
        return min(times, default=None)

    def finding(self):
        kernel_time, spill_time, plain = self.best_kernel(), self.time("run"), self.time("plain")
        beside = ", ".join(f"{name} {median(times):.2f} s" for name, times in self.times.items())
        value = ratio(kernel_time, spill_time)
        if value is None:
            return Finding(f"{self.name}: time over plain", ratio(spill_time, plain), "x", beside)
        return Finding(f"{self.name}: kernel's time over spill run's", value, "x", beside,
                       least=PROGRAM_TARGET, in_mean=True)


def digest(path):
    """The output in a few bytes."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest()


def all_programs(directory, budget):
    """Those whose programs are there."""
    text = os.path.join(directory, "program-text")
    script = os.path.join(directory, "program-sql")
    if shutil.which("sort"):
        make_text(text, int(1.7 * budget))
        command = ["sort", "--parallel=1", "-S", str(4 * budget), "-T", directory, text]
        yield Program("sort", command)
        os.unlink(text)
    if shutil.which("sqlite3"):
        with open(script, "w") as file:
            file.write(SQL.format(rows=2 * budget // ROW))
        yield Program("sqlite", ["sqlite3", "-batch", ":memory:"], script)
    yield Program("python", [os.path.realpath(sys.executable), "-c", PYTHON,
                             str(2 * budget // RECORD)])


def run_programs(runner, mode):
    """Gives a finding for each, and the ratios."""
    os.environ["PYTHONHASHSEED"] = "1"
    findings = []
    clusters = dict.fromkeys([int(runner.machine.default_cluster or 3), 0])
    contestants = [PLAIN, RUN] + [kernel(cluster) for cluster in clusters]
    for program in all_programs(runner.machine.directory, mode.small):
        for turn in range(1, mode.rounds + 1):
            for contestant in contestants:
                if contestant is not PLAIN or turn == 1:
                    program.run(runner, contestant, mode.small, turn)
        if program.times:
            findings.append(program.finding())
    return findings

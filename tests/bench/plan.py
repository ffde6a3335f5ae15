# SPDX-License-Identifier: MIT
"""plan.py - the workloads of the table, what each has to reach, and how large things are"""
import os

from machine import MIB

# Which device rate is the floor of a workload: see Table.floor in table.py.
STREAM, UPDATE, WRITE, MISSES = "stream", "update", "write", "misses"


class Row:
    """A workload of the table.  target: its throughput over the kernel's, at twice the budget."""

    def __init__(self, workload, target, threads=1, floor=None, cpu=None, device=None, divisor=1):
        self.workload = workload
        self.target = target
        self.threads = threads
        self.floor = floor      # what of the device it is compared with
        self.cpu = cpu          # CPU time of an operation over the kernel's, at most
        self.device = device    # part of the floor that it has to reach
        self.divisor = divisor  # of the budget, where the work is fixed and would take long
        self.label = workload if threads == 1 else f"{workload} x{threads}"


ROWS = [
    Row("fill", 1.1, floor=WRITE),
    Row("sequential-read", 3, floor=STREAM, cpu=1.0, device=0.6),
    Row("sequential-update", 3, floor=UPDATE, cpu=1.0, device=0.6),
    Row("random-read", 0.85, floor=MISSES, device=0.7),
    Row("random-read", 0.9, threads=4, floor=MISSES, cpu=1.5, device=0.7),
    Row("random-update", 1.05, threads=4, floor=MISSES, cpu=1.5),
    Row("zipf", 0.95, threads=4, floor=MISSES),
    Row("zipf-scan", 1.1, floor=MISSES),
    Row("backward-read", 3, floor=STREAM, device=0.6),
    Row("stride-17", 1.5, floor=STREAM),
    Row("streams-4", 3, floor=STREAM, device=0.6),
    Row("random-read", 0.9, threads=16, floor=MISSES, cpu=1.5),
    Row("random-update", 0.9, floor=MISSES),
    Row("random-update", 1.05, threads=16, floor=MISSES, cpu=1.5),
    Row("zipf", 0.95, floor=MISSES),
    Row("list", 0.95, floor=MISSES),
    Row("quicksort", 1.0, divisor=2),
    Row("hash", 0.9, divisor=4),
    Row("graph", 1.0, divisor=4),
    Row("transpose", 1.0, divisor=2),
]
# The first ones make the quick run.
QUICK_ROWS = 8

LEAST_BUDGET = 8 * MIB  # that the pager takes
PROGRAM_TARGET = 1.0
MEAN_TARGET = 1.5


def scaled(name, default):
    """A size such as 128M from the environment."""
    text = os.environ.get(name)
    if not text:
        return default
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    return int(float(text[:-1]) * units[text[-1].upper()]) if text[-1].isalpha() else int(text)


class Mode:
    """How much of everything.  The environment can change the sizes, for other machines."""

    def __init__(self, name):
        quick = name == "quick"
        self.name = name
        self.quick = quick
        self.budget = scaled("BENCH_BUDGET", 128 * MIB)
        self.rounds = int(os.environ.get("BENCH_ROUNDS", 3))
        self.seconds = float(os.environ.get("BENCH_SECONDS", 0.8 if quick else 1.2))
        # No run is begun later; the longest of them may follow.
        self.minutes = float(os.environ.get("BENCH_MINUTES", {"quick": 4.7, "full": 38, "jobs": 60}[name]))
        self.rows = ROWS[:QUICK_ROWS] if quick else ROWS
        self.multiples = [2] if quick else [2, 4]

    def budget_of(self, row):
        return max(LEAST_BUDGET, self.budget // row.divisor)

    @property
    def small(self):
        """A budget for what would take long."""
        return max(LEAST_BUDGET, self.budget // 2)

    def swap_size(self):
        """The largest data, and a quarter more."""
        most = 2 * self.budget if self.quick else max(4 * self.budget, 16 * self.small)
        return most + most // 4 + 64 * MIB

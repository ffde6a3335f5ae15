# SPDX-License-Identifier: MIT
"""table.py - medians, ratios, and the tables on the terminal"""
import math
import statistics

from plan import MISSES, STREAM, UPDATE, WRITE


def median(values):
    return statistics.median(values) if values else None


def ratio(a, b):
    return a / b if a and b else None


def geometric_mean(values):
    values = [value for value in values if value]
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def short(value):
    """Three digits and a unit prefix."""
    if value is None:
        return "-"
    for limit, divisor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= limit:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def factor(value):
    return "-" if value is None else f"{value:.2f}"


def cpu_of(result):
    """CPU seconds of an operation."""
    return (result["user_seconds"] + result["system_seconds"]) / (result["operations"] or 1)


def misses_of(result):
    """Pages that had to come from the disk.  The library counts them, the kernel counts its own;
    under spill run only the touches that took long tell."""
    if "stats" in result:
        return result["stats"]["faults_major"]
    return result["major_faults"] or result.get("slow", 0)


def floor_of(row, device):
    """What the device could do."""
    read, written = device["sequential_read"], device["sequential_write"]
    if row.floor == STREAM:
        return read
    if row.floor == WRITE:
        return written
    if row.floor == UPDATE:
        return read * written / (read + written)
    if row.floor == MISSES:
        return device[f"pread_{row.threads}"]
    return None


class Cell:
    """All runs of one contestant in one row."""

    def __init__(self):
        self.results = []

    def add(self, result):
        if result:
            self.results.append(result)

    def value(self):
        return median([result["value"] for result in self.results])

    def spread(self):
        values = [result["value"] for result in self.results]
        if not values:
            return "-"
        if len(values) == 1:
            return short(values[0])
        return f"{short(median(values))} ({short(min(values))}..{short(max(values))})"

    def cpu(self):
        return median([cpu_of(result) for result in self.results])

    def missed(self):
        """Misses a second."""
        return median([misses_of(result) / result["seconds"] for result in self.results])

    def slow_us(self, name):
        return median([result["slow_us"][name] for result in self.results if "slow_us" in result])


class Line:
    """A row of the table with what was measured."""

    def __init__(self, row, multiple):
        self.row = row
        self.multiple = multiple
        self.cells = {}
        self.unit = "-"

    def cell(self, name):
        return self.cells.setdefault(name, Cell())

    def add(self, name, result):
        if result:
            self.unit = result["unit"]
            self.cell(name).add(result)

    def best_kernel(self):
        """Of the values of page-cluster the one that was best."""
        kernels = [cell for name, cell in self.cells.items()
                   if name.startswith("kernel-") and cell.results]
        return max(kernels, key=Cell.value, default=Cell())

    def best_cluster(self):
        best = self.best_kernel()
        return next((int(name.split("-")[1]) for name, cell in self.cells.items()
                     if cell is best), None)

    def ratio(self, name="library"):
        return ratio(self.cell(name).value(), self.best_kernel().value())

    def cpu_ratio(self, name="library"):
        return ratio(self.cell(name).cpu(), self.best_kernel().cpu())

    def tail_ratio(self):
        return ratio(self.cell("library").slow_us("p99.9"), self.best_kernel().slow_us("p99.9"))

    def part_of_device(self, device, name="library"):
        """Against the device: the rate, or the misses a second."""
        if not device or not self.row.floor:
            return None
        cell = self.cell(name)
        rate = cell.missed() if self.row.floor == MISSES else cell.value()
        return ratio(rate, floor_of(self.row, device))

    def misses_target(self, device):
        """What of its targets it misses, as words."""
        checks = [("ratio", self.ratio(), self.row.target, True),
                  ("CPU", self.cpu_ratio(), self.row.cpu, False),
                  ("device", self.part_of_device(device), self.row.device, True)]
        if self.row.label == "random-read":
            checks.append(("tail", self.tail_ratio(), 1.3, False))
        return [name for name, value, target, least in checks
                if value is not None and target is not None
                and (value < target if least else value > target)]

    def as_json(self, device):
        kernel = self.best_kernel()
        return {"workload": self.row.workload, "threads": self.row.threads,
                "multiple": self.multiple, "unit": self.unit,
                "values": {name: cell.value() for name, cell in self.cells.items()},
                "kernel": kernel.value(), "page_cluster": self.best_cluster(),
                "ratio_library": self.ratio(), "ratio_run": self.ratio("run"),
                "ratio_cpu": self.cpu_ratio(), "ratio_tail": self.tail_ratio(),
                "part_of_device": self.part_of_device(device),
                "part_of_device_kernel": self.part_of_device_kernel(device),
                "target": self.row.target, "missed": self.misses_target(device)}

    def part_of_device_kernel(self, device):
        cluster = self.best_cluster()
        return None if cluster is None else self.part_of_device(device, f"kernel-{cluster}")


COLUMNS = ("workload", "unit", "spill library", "run", "kernel swap", "pc", "file", "plain",
           "huge", "lib/kernel", "target", "run/kernel", "CPU", "p99.9", "device", "met")


def columns_of(line, device):
    missed = line.misses_target(device) if line.multiple == 2 else []
    met = ("no: " + ", ".join(missed)) if missed else "yes"
    if line.ratio() is None or line.multiple != 2:
        met = "-"
    cluster = line.best_cluster()
    return (line.row.label, line.unit, line.cell("library").spread(),
            short(line.cell("run").value()), line.best_kernel().spread(),
            "-" if cluster is None else str(cluster), short(line.cell("file").value()),
            short(line.cell("plain-4k").value()), short(line.cell("plain-huge").value()),
            factor(line.ratio()), factor(line.row.target) if line.multiple == 2 else "-",
            factor(line.ratio("run")), factor(line.cpu_ratio()), factor(line.tail_ratio()),
            factor(line.part_of_device(device)), met)


def print_columns(rows):
    """The first column to the left, the others to the right, the last one as it is."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:-1], widths[1:-1])]
        print("  ".join(cells + [row[-1]]).rstrip())


def print_table(lines, multiple, device):
    lines = [line for line in lines if line.multiple == multiple and line.cells]
    if not lines:
        return
    print(f"\nData {multiple} x the budget; median (least..most) of the rounds\n")
    print_columns([COLUMNS] + [columns_of(line, device) for line in lines])


class Finding:
    """A measurement that is not a row: its value, what it is beside, and what it should be."""

    def __init__(self, title, value, unit, beside="", most=None, least=None, in_mean=False):
        self.title = title
        self.value = value
        self.unit = unit
        self.beside = beside
        self.most = most
        self.least = least
        self.in_mean = in_mean  # a ratio of throughput to the kernel's

    def met(self):
        if self.value is None or (self.most is None and self.least is None):
            return "-"
        good = ((self.most is None or self.value <= self.most)
                and (self.least is None or self.value >= self.least))
        return "yes" if good else "no"

    def target(self):
        if self.most is not None:
            return f"<= {self.most:g}"
        return f">= {self.least:g}" if self.least is not None else "-"

    def columns(self):
        return (self.title, short(self.value), self.unit, self.target(), self.met(), self.beside)

    def as_json(self):
        return {"title": self.title, "value": self.value, "unit": self.unit,
                "beside": self.beside, "most": self.most, "least": self.least,
                "met": self.met()}


def print_findings(findings):
    if findings:
        print("\nBeside the table\n")
        print_columns([("what", "value", "unit", "target", "met", "beside")]
                      + [finding.columns() for finding in findings])

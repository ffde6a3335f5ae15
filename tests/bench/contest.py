# SPDX-License-Identifier: MIT
"""contest.py - who takes part, and one run of one of them"""
import json
import os
import subprocess
import sys
import time

from machine import MIB, read

# spill's cgroup: what is not paged, the pager's tables and page tables included.
MARGIN = 24 * MIB
# Seconds.  Nothing takes so long; what hangs shall not hold up the rest.
TIMEOUT = 240
# A mapped file reads 128 KiB for each page that is touched at random: what it would take minutes
# for is given up.
FILE_TIMEOUT = 25


class Contestant:
    def __init__(self, name, memory, limit=None, swap=False, preload=False, cluster=None,
                 huge=None, disable=None, handlers=None, timeout=TIMEOUT):
        self.name = name
        self.memory = memory      # --memory of the binary
        self.limit = limit        # of its cgroup, beside the budget; None: no cgroup
        self.swap = swap          # may the kernel page out?
        self.preload = preload    # under spill run
        self.cluster = cluster    # vm.page-cluster, None: as it is
        self.huge = huge
        self.disable = disable    # SPILL_DISABLE
        self.handlers = handlers
        self.timeout = timeout

    def needs(self, machine):
        """Whether it can run here."""
        if self.swap:
            return machine.swap is not None
        return self.memory != "file" or machine.cgroups is not None


def library(name="library", **more):
    return Contestant(name, "library", limit=MARGIN, **more)


def kernel(cluster):
    return Contestant(f"kernel-{cluster}", "plain", limit=0, swap=True, cluster=cluster)


LIBRARY = library()
RUN = Contestant("run", "plain", limit=MARGIN, preload=True)
FILE = Contestant("file", "file", limit=0, timeout=FILE_TIMEOUT)
PLAIN = Contestant("plain", "plain")
PLAIN_4K = Contestant("plain-4k", "plain", huge="no")
PLAIN_HUGE = Contestant("plain-huge", "plain", huge="yes")


class Failure(Exception):
    """A run that did not give a result."""


class TooSlow(Failure):
    """A run that was given up."""


def progress(text):
    print(text, file=sys.stderr, flush=True)


def swapped_pages():
    """Pages that the kernel has read from swap, and written to it."""
    counts = dict(line.split() for line in read("/proc/vmstat").splitlines())
    return int(counts["pswpin"]), int(counts["pswpout"])


def environment(disable=None):
    env = {name: value for name, value in os.environ.items() if not name.startswith("SPILL_")}
    env["LC_ALL"] = "C"
    if disable:
        env["SPILL_DISABLE"] = disable
    return env


class Runner:
    """Runs things, keeps every result, and watches the clock."""

    def __init__(self, machine, binary, spill, end):
        self.machine = machine
        self.binary = binary
        self.spill = spill
        self.end = end
        self.begin = time.monotonic()
        self.results = []
        self.job = None

    def out_of_time(self):
        return time.monotonic() > self.end

    def say(self, what, outcome, seconds):
        now = time.monotonic() - self.begin
        clock = f"[{int(now) // 60:3}:{int(now) % 60:02}]"
        progress(f"{clock} {what:58} {outcome:>18} {seconds:6.1f} s")

    def note(self, entry, what, failure, seconds):
        """A run without a result."""
        entry["too_slow" if isinstance(failure, TooSlow) else "failure"] = str(failure)
        self.say(what, "FAILED", seconds)
        progress(f"          {failure}")

    def popen(self, command, env, group, stdout, stdin, timeout):
        """(status, what it printed, its errors, its seconds)"""
        if group:
            command = group.wrap(command)
        start = time.monotonic()
        self.job = subprocess.Popen(command, env=env, stdout=stdout, stdin=stdin,
                                    stderr=subprocess.PIPE, text=True)
        try:
            out, err = self.job.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TooSlow(f"given up after {timeout} s") from None
        finally:
            if self.job.poll() is None:
                self.job.kill()
                self.job.wait()
            status, self.job = self.job.returncode, None
        return status, out, err, time.monotonic() - start

    def execute(self, contestant, budget, command, stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL, quota=None):
        """Runs a command as that contestant; gives what it printed and its facts.  quota: CPUs
        whose time it may use up."""
        stats = os.path.join(self.machine.directory, "stats")
        if contestant.preload:
            command = [self.spill, "run", "-m", str(budget), "-s", self.machine.directory,
                       f"--stats={stats}", "--json", "--", *command]
        env = environment(contestant.disable)
        if self.machine.swap:
            cluster = contestant.cluster
            self.machine.set_cluster(self.machine.default_cluster if cluster is None else cluster)
        os.sync()
        before = swapped_pages()
        if contestant.limit is None or not self.machine.cgroups:
            status, out, err, wall = self.popen(command, env, None, stdout, stdin,
                                                contestant.timeout)
            out, facts = self.outcome(status, out, err, wall, 0, 0)
        else:
            with self.machine.cgroup(budget + contestant.limit, contestant.swap, quota) as group:
                status, out, err, wall = self.popen(command, env, group, stdout, stdin,
                                                    contestant.timeout)
                out, facts = self.outcome(status, out, err, wall, group.peak(), group.killed())
        facts["swapped"] = [now - then for now, then in zip(swapped_pages(), before)]
        if contestant.preload:
            with open(stats) as file:
                facts["stats"] = json.load(file)
        return out, facts

    @staticmethod
    def outcome(status, out, err, wall, peak, killed):
        if status and killed:
            raise Failure("killed: out of memory")
        if status:
            lines = err.strip().splitlines() or ["no message"]
            raise Failure(f"status {status}: {lines[-1]}")
        return out, {"wall": wall, "cgroup_peak": peak}

    def binary_command(self, contestant, workload, budget, options):
        command = [self.binary, f"--workload={workload}", f"--memory={contestant.memory}",
                   f"--budget={budget}"]
        if contestant.memory == "file":
            command.append(f"--path={self.machine.directory}/mapped")
        if contestant.huge:
            command.append(f"--huge={contestant.huge}")
        if contestant.handlers:
            command.append(f"--handlers={contestant.handlers}")
        given = dict(swap=self.machine.directory)
        given.update(options)
        return command + [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
                          for name, value in given.items()]

    def run(self, section, contestant, workload, budget, turn=1, quota=None, **options):
        """One run of the binary; gives its result, or None if there is none."""
        if not contestant.needs(self.machine) or self.out_of_time():
            return None
        what = f"{section}: {workload}"
        if options.get("threads", 1) > 1:
            what += f", {options['threads']} threads"
        what += f", {contestant.name}, {turn}"
        entry = {"section": section, "contestant": contestant.name, "round": turn,
                 "workload": workload, "budget": budget, "options": options}
        if quota:
            entry["quota"] = quota
        start = time.monotonic()
        try:
            out, facts = self.execute(contestant, budget,
                                      self.binary_command(contestant, workload, budget, options),
                                      quota=quota)
            result = json.loads(out)
            entry.update(facts, result=result)
            self.say(what, f"{result['value']:.4g} {result['unit']}", facts["wall"])
        except Failure as failure:
            result = None
            self.note(entry, what, failure, time.monotonic() - start)
        finally:
            mapped = self.machine.directory + "/mapped"
            if os.path.exists(mapped):
                os.unlink(mapped)
        self.results.append(entry)
        return result

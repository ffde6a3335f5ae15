# SPDX-License-Identifier: MIT
"""machine.py - what is set up for the benchmark, and taken down however it ends

A directory on a disk, a swap file in it, a memory cgroup for each run, one sysctl.
"""
import contextlib
import os
import platform
import shutil
import subprocess
import tempfile

MIB = 1 << 20
PAGE_CLUSTER = "/proc/sys/vm/page-cluster"
SETTINGS = ["vm/page-cluster", "vm/swappiness", "vm/overcommit_memory", "vm/max_map_count",
            "vm/dirty_ratio", "vm/dirty_background_ratio", "vm/unprivileged_userfaultfd",
            "kernel/io_uring_disabled"]


def read(path, default=""):
    """What a file holds, without the end of its line."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return default


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))


def output(*command):
    """What a command prints, or nothing if it fails or is not there."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def mounts():
    """(directory, type, options) of each mounted file system."""
    for line in read("/proc/mounts").splitlines():
        _, where, kind, options = line.split()[:4]
        yield where, kind, options.split(",")


def remove_cgroup(directory):
    """Processes that were killed may take a moment to leave."""
    for _ in range(100):
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError:
            subprocess.run(["sleep", "0.05"])
    print(f"bench: {directory} cannot be removed", flush=True)


class CpuGroup:
    """A cgroup that may use so many CPUs' time, where these are apart from those of memory."""

    def __init__(self, cpus):
        parent = next((where for where, kind, options in mounts()
                       if kind == "cgroup" and "cpu" in options), None)
        if parent is None:
            raise OSError("no cgroup has a CPU quota")
        self.directory = tempfile.mkdtemp(prefix="spill-bench.", dir=parent)
        write(self.path("cpu.cfs_quota_us"),
              int(cpus * int(read(self.path("cpu.cfs_period_us")))))

    def path(self, name):
        return os.path.join(self.directory, name)


class Cgroup:
    """A memory cgroup that is made for one run.  Version 1 and version 2."""

    @staticmethod
    def find():
        """(version, directory to make cgroups in), or None."""
        for where, kind, options in mounts():
            if kind == "cgroup" and "memory" in options:
                return 1, where
        for where, kind, _ in mounts():
            if kind == "cgroup2" and "memory" in read(where + "/cgroup.controllers").split():
                if "memory" not in read(where + "/cgroup.subtree_control").split():
                    write(where + "/cgroup.subtree_control", "+memory")
                return 2, where
        return None

    def __init__(self, place, limit, swap, quota=None):
        self.version, parent = place
        self.directory = tempfile.mkdtemp(prefix="spill-bench.", dir=parent)
        self.cpu = None
        try:
            self.set(limit, swap)
            if quota:
                self.set_quota(parent, quota)
        except BaseException:
            self.remove()
            raise

    def path(self, name):
        return os.path.join(self.directory, name)

    def set(self, limit, swap):
        """swap: whether the kernel may page out."""
        if self.version == 2:
            write(self.path("memory.max"), limit)
            write(self.path("memory.swap.max"), "max" if swap else 0)
            return
        write(self.path("memory.limit_in_bytes"), limit)
        if not swap:
            write(self.path("memory.swappiness"), 0)
            if os.path.exists(self.path("memory.memsw.limit_in_bytes")):
                write(self.path("memory.memsw.limit_in_bytes"), limit)

    def set_quota(self, parent, cpus):
        if self.version == 1:
            self.cpu = CpuGroup(cpus)
            return
        if "cpu" not in read(parent + "/cgroup.subtree_control").split():
            write(parent + "/cgroup.subtree_control", "+cpu")
        write(self.path("cpu.max"), f"{int(100000 * cpus)} 100000")

    def wrap(self, command):
        """The command that joins the cgroup and then is the given one."""
        for group in (self, self.cpu):
            if group:
                command = ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"',
                           group.path("cgroup.procs"), *command]
        return command

    def peak(self):
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        return int(read(self.path(name), "0") or 0)

    def killed(self):
        """How many of its processes were killed for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        for line in read(self.path(name)).splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return 0

    def remove(self):
        for group in (self.cpu, self):
            if group:
                remove_cgroup(group.directory)


class SwapFile:
    """A swap file, written as a whole before it is switched on."""

    def __init__(self, path):
        self.path = path
        self.is_on = False

    def create(self, size):
        piece = os.urandom(16 * MIB)
        with open(self.path, "wb", buffering=0) as file:
            os.chmod(self.path, 0o600)
            for at in range(0, size, len(piece)):
                file.write(piece[:size - at])
            os.fsync(file.fileno())
        subprocess.run(["mkswap", self.path], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.on()

    def on(self):
        """Before other swap that there may be.  Discards are off unless asked for."""
        subprocess.run(["swapon", "-p", "32767", self.path], check=True)
        self.is_on = True

    def off(self):
        if self.is_on:
            subprocess.run(["swapoff", self.path])
            self.is_on = False

    def remove(self):
        self.off()
        if os.path.exists(self.path):
            os.unlink(self.path)


class Machine(contextlib.ExitStack):
    """All of it.  What cannot be set up is in .missing, a reason for each."""

    def __init__(self, budget, swap_size):
        super().__init__()
        self.missing = []
        self.cgroups = None
        self.swap = None
        self.swap_size = swap_size
        self.budget = budget
        self.default_cluster = read(PAGE_CLUSTER)
        parent = os.environ.get("TMPDIR") or "/var/tmp"
        self.directory = tempfile.mkdtemp(prefix="spill-bench.", dir=parent)
        self.callback(shutil.rmtree, self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.close()
            raise
        return self

    def set_up(self):
        free = shutil.disk_usage(self.directory).free
        if free < 3 * self.swap_size:
            raise SystemExit(f"bench: {self.directory} has {free // MIB} MiB free, and "
                             f"{3 * self.swap_size // MIB} are needed; TMPDIR is where it looks")
        if os.geteuid() != 0:
            self.missing.append("no root: no cgroup, no kernel swap, no mapped file in a cgroup")
            return
        self.cgroups = self.try_cgroups()
        if not self.cgroups:
            self.missing.append("no memory cgroup: no kernel swap, no mapped file in one")
            return
        try:
            self.swap = self.new_swap("swap", self.swap_size)
            self.callback(self.set_cluster, self.default_cluster)
        except (OSError, subprocess.CalledProcessError) as error:
            self.missing.append(f"no swap file here ({error}): no kernel swap")

    @staticmethod
    def try_cgroups():
        try:
            place = Cgroup.find()
            if place:
                Cgroup(place, 64 * MIB, False).remove()
            return place
        except OSError:
            return None

    def new_swap(self, name, size):
        """Removed at the end, if not before."""
        swap = SwapFile(os.path.join(self.directory, name))
        self.callback(swap.remove)
        swap.create(size)
        return swap

    @contextlib.contextmanager
    def other_swap(self, size):
        """A swap file of another size in place of the usual one."""
        if not self.swap:
            yield
            return
        self.swap.off()
        try:
            other = self.new_swap("swap-other", size)
            yield
            other.remove()
        finally:
            self.swap.on()

    def set_cluster(self, value):
        if read(PAGE_CLUSTER) != str(value):
            write(PAGE_CLUSTER, value)

    @contextlib.contextmanager
    def cgroup(self, limit, swap, quota=None):
        """quota: CPUs whose time it may use up."""
        group = Cgroup(self.cgroups, limit, swap, quota)
        try:
            yield group
        finally:
            group.remove()

    def describe(self):
        """What a reader has to know of it, as text to a name."""
        where = output("findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS", "-T", self.directory)
        source = os.path.basename(os.path.realpath(where.split()[0])) if where else ""
        disk = output("lsblk", "-dno", "MODEL,SIZE,ROTA", f"/dev/{source}")
        model = [line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines()
                 if line.startswith("model name")]
        memory = int(read("/proc/meminfo").split()[1]) // 1024
        facts = {"kernel": platform.release(), "machine": platform.machine(),
                 "CPU": f"{os.cpu_count()} x {model[0] if model else '?'}",
                 "memory": f"{memory} MiB", "file system": where,
                 "disk": f"{source} {disk} scheduler "
                         + read(f"/sys/block/{source}/queue/scheduler", "?"),
                 "huge pages": read("/sys/kernel/mm/transparent_hugepage/enabled"),
                 "MGLRU": read("/sys/kernel/mm/lru_gen/enabled", "none"),
                 "cgroup": f"version {self.cgroups[0]}" if self.cgroups else "none",
                 "other swap": str(max(0, len(read("/proc/swaps").splitlines()) - 1
                                       - (self.swap is not None)))}
        for name in SETTINGS:
            facts[name.replace("/", ".")] = read("/proc/sys/" + name, "-")
        return facts

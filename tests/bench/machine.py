"""The machine: cores, CPU time of processes, memory, open files."""

import contextlib
import os
import platform
import resource
import sys

import psutil


def cores() -> tuple[int, int]:
    """Return the core for the server and the one for the load; -1 where they cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return -1, -1
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def pin(core: int) -> None:
    """Let this process run on one core only; -1 leaves it as it is."""
    if core >= 0:
        os.sched_setaffinity(0, {core})


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used, user and system."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def family_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and all its descendants, those that ended included."""
    top = psutil.Process(pid)
    times = top.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in top.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = child.cpu_times()
            total += used.user + used.system
    return float(total)


def rss_bytes(pid: int) -> int:
    """Return how much memory of a process is resident."""
    return int(psutil.Process(pid).memory_info().rss)


def raise_open_files(wanted: int) -> int:
    """Raise the limit of open files as far as allowed; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft if soft != resource.RLIM_INFINITY else wanted


def busy_share() -> float:
    """Return the share of all cores that was busy since the last call, 0 to 1."""
    return psutil.cpu_percent(None) / 100


def description() -> str:
    """Say what this machine is, without its name."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {sys.version.split()[0]}"
    )

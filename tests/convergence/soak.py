"""``python -m tests.convergence.soak``: random runs for hours, then every place a flow can be cut at. Loopback only, bounded.

``SEEDS`` runs of ``OPS`` operations for at most ``HOURS``. Of a run that fails the operations that do not matter are left out
one after the other. Histories stay in ``var/convergence``. The exit code says whether anything failed.
"""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
RESULTS = BASE_DIR / "var" / "convergence"
AT_ONCE = 5
ATTEMPTS = 40
FAILED = 1


def pytest(path: str, environment: dict[str, str], *, quiet: bool = False) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", "--tb=short", path]
    output = subprocess.DEVNULL if quiet else None
    environment = {**os.environ, "HISTORIES": str(RESULTS), **environment}
    return subprocess.run(command, cwd=BASE_DIR, env=environment, stdout=output, stderr=output, check=False).returncode


def fails(seed: int, operations: int, dropped: set[int]) -> bool:
    environment = {"CONVERGENCE_SEEDS": str(seed), "CONVERGENCE_OPS": str(operations)}
    environment["CONVERGENCE_DROP"] = ",".join(map(str, sorted(dropped)))
    return pytest("tests/convergence/test_random.py", environment, quiet=True) == FAILED


def shrunk(seed: int, operations: int) -> set[int]:
    """The operations that can be left out while it still fails; pieces of half the size each time."""
    dropped: set[int] = set()
    attempts, size = 0, operations // 2
    while size >= 1 and attempts < ATTEMPTS:
        for start in range(0, operations, size):
            piece = set(range(start, min(start + size, operations))) - dropped
            if piece and attempts < ATTEMPTS:
                attempts += 1
                if fails(seed, operations, dropped | piece):
                    dropped |= piece
        size //= 2
    return dropped


def main() -> int:
    runs, operations = int(os.environ.get("SEEDS") or 200), int(os.environ.get("OPS") or 300)
    until = time.monotonic() + 3600 * float(os.environ.get("HOURS") or 8)
    failed: list[int] = []
    done = 0
    while done < runs and time.monotonic() < until:
        seeds = [secrets.randbelow(10**9) for _ in range(min(AT_ONCE, runs - done))]
        environment = {"CONVERGENCE_SEEDS": ",".join(map(str, seeds)), "CONVERGENCE_OPS": str(operations)}
        if pytest("tests/convergence/test_random.py", environment):
            failed += [seed for seed in seeds if fails(seed, operations, set())]
        done += len(seeds)
        print(f"{done} of {runs} seeds, failed: {failed or 'none'}", flush=True)
    for seed in failed:
        kept = sorted(set(range(operations)) - shrunk(seed, operations))
        print(f"seed {seed} fails with the operations {kept} alone; see {RESULTS / str(seed)}.jsonl", flush=True)
    cut_short = pytest("tests/convergence/test_interrupted.py", {"EXHAUSTIVE": "1"})
    return int(bool(failed or cut_short))


if __name__ == "__main__":
    sys.exit(main())

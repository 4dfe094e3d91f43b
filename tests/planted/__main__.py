"""``python -m tests.planted``: would the tests notice? Each patch plants one bug into a copy of the tree; its tests must fail.

``python -m tests.planted i05-ghost`` tries some of them.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.planted.bugs import BASE_DIR, Bug, planted

SOME_FAILED = 1  # pytest's exit code; the others say that nothing was tried


def copy_of_the_tree(target: Path) -> None:
    """The files of the work tree as they are, without what was built or is not part of it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=BASE_DIR, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (BASE_DIR / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(BASE_DIR / name, target / name)
    if (BASE_DIR / "static" / "dist").exists():
        shutil.copytree(BASE_DIR / "static" / "dist", target / "static" / "dist", dirs_exist_ok=True)


def noticed(bug: Bug, tree: Path) -> bool:
    subprocess.run(["git", "apply", str(bug.path)], cwd=tree, check=True)
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *bug.tests]
        done = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)
    finally:
        subprocess.run(["git", "apply", "--reverse", str(bug.path)], cwd=tree, check=True)
    if done.returncode not in {0, SOME_FAILED}:
        print(done.stdout[-2000:], done.stderr[-2000:])
    return done.returncode == SOME_FAILED


def main(wanted: list[str]) -> int:
    """Return how many bugs went unnoticed."""
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="webmail-planted-") as directory:
        tree = Path(directory)
        tree.chmod(0o755)
        copy_of_the_tree(tree)
        for bug in planted():
            if wanted and bug.path.stem not in wanted:
                continue
            caught = noticed(bug, tree)
            unnoticed += not caught
            print(f"{'noticed' if caught else 'NOT NOTICED':12} {bug.path.stem}: {bug.says}", flush=True)
    return unnoticed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Mail servers that Debian does not install beside Dovecot: unpacked by ``make test``, run from where they lie."""

import shutil
import socket
from pathlib import Path

import pytest

from webmail.demo.unprivileged import Unprivileged

TREE = Path(__file__).resolve().parents[2] / ".venv" / "servers"
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")


def unpacked_tree(program: str, directory: Path) -> Path:
    """The tree that holds ``program``, reachable for the unprivileged user; copied into ``directory`` if it must be."""
    if not (TREE / program).exists():
        pytest.skip(f"{program} is not unpacked here: see .ci/unpacked")
    if Unprivileged().closed_parent(TREE) is None:
        return TREE
    copy = directory / "programs"
    shutil.copytree(TREE, copy, symlinks=True)
    return copy


def environment(tree: Path) -> dict[str, str]:
    libraries = [*_LIBRARIES, "usr/lib", "usr/lib/courier-authlib"]
    return {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": ":".join(str(tree / each) for each in libraries)}


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])

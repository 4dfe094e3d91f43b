"""The user that private servers run as: the caller, or ``nobody`` when the caller is root."""

import grp
import os
import pwd
from pathlib import Path
from typing import Any


class Unprivileged:
    """Name and numbers of that user, and the means to give files to it. Does nothing where the caller is not root."""

    def __init__(self) -> None:
        self.is_other = os.geteuid() == 0
        entry = pwd.getpwnam("nobody") if self.is_other else pwd.getpwuid(os.geteuid())
        self.uid = entry.pw_uid
        self.gid = entry.pw_gid
        self.name = entry.pw_name
        self.group = grp.getgrgid(entry.pw_gid).gr_name

    def process(self) -> dict[str, Any]:
        """Arguments for subprocess.Popen."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def own(self, path: Path) -> None:
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def own_tree(self, *tops: Path) -> None:
        for top in tops:
            for path in (top, *top.rglob("*")):
                self.own(path)

    def closed_parent(self, directory: Path) -> Path | None:
        """The first directory above that this user cannot pass through."""
        if not self.is_other:
            return None
        return next((parent for parent in directory.resolve().parents if not parent.stat().st_mode & 0o001), None)

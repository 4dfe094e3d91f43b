"""A large file as octets, read where it lies, and let go of as it is read."""

import mmap
from typing import Any

WINDOW = 4 * 1024 * 1024


class MappedFile(mmap.mmap):
    """A mapped file of which about ``WINDOW`` octets are resident, however much is read or searched.

    Pages once read would stay counted as the memory of this process; here they go back to the kernel's cache.
    """

    _touched = 0

    def find(self, sub: Any, start: int = 0, end: int | None = None) -> int:
        """As of ``bytes``, for offsets that are not negative."""
        end = len(self) if end is None else min(end, len(self))
        at = start
        while at + len(sub) <= end:
            stop = min(end, at + WINDOW + len(sub) - 1)
            found = super().find(sub, at, stop)
            self._touch((stop if found < 0 else found) - at)
            if found >= 0:
                return found
            at = stop - len(sub) + 1
        return -1

    def __getitem__(self, key: Any) -> Any:
        octets = super().__getitem__(key)
        if isinstance(key, slice):
            self._touch(len(octets))
        return octets

    def _touch(self, octets: int) -> None:
        self._touched += octets
        if self._touched > WINDOW:
            self._touched = 0
            self.madvise(mmap.MADV_DONTNEED)

"""What happened in a run, one line of JSON for each event."""

import json
import time
from pathlib import Path


class History:
    """Lines are written at once, so that a run that hangs or dies can be read as far as it came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number = 0
        self._started = time.monotonic()
        self._stream = path.open("w", encoding="utf-8")

    def note(self, event: str, **details: object) -> None:
        self._number += 1
        line = {"number": self._number, "seconds": round(time.monotonic() - self._started, 3), "event": event}
        self._stream.write(json.dumps(line | details, default=str) + "\n")
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()

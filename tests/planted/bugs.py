"""The planted bugs: patches that say which invariant they break and which tests have to notice."""

from dataclasses import dataclass
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
INVARIANTS = tuple(f"I{number}" for number in range(1, 11))


@dataclass(frozen=True)
class Bug:
    """``tests`` are pytest's node ids."""

    path: Path
    invariant: str
    says: str
    tests: tuple[str, ...]


def planted() -> list[Bug]:
    return [_read(path) for path in sorted(Path(__file__).parent.glob("*.patch"))]


def _read(path: Path) -> Bug:
    head = path.read_text().partition("\ndiff ")[0].splitlines()
    fields = [line.partition(": ") for line in head if line]
    values = {name: text for name, _, text in fields}
    tests = tuple(text for name, _, text in fields if name == "Test")
    return Bug(path, values["Invariant"].split()[0], values["Bug"], tests)

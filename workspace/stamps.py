"""Stamps: how a later call knows, by content, that a step need not be done again."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


def digest_files(root: Path, paths: Iterable[Path]) -> str:
    """Hash these files' names (relative to `root`) and contents."""
    return digest_texts(
        f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(paths)
    )


def digest_texts(texts: Iterable[str]) -> str:
    """Hash these texts, in this order."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@dataclass(frozen=True)
class Stamp:
    """A file that vouches for the folder it lies in, so that removing the folder removes it too."""

    path: Path
    key: str

    def is_fresh(self) -> bool:
        """Whether the step was done with this very key."""
        return self.path.is_file() and self.path.read_text() == self.key

    def clear(self) -> None:
        """Withdraw it, before anything it vouches for is touched."""
        self.path.unlink(missing_ok=True)

    def write(self) -> None:
        """Set it, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        aside.write_text(self.key)
        aside.replace(self.path)

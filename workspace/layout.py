"""Where everything lies, under a path that no build tool trips over."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from workspace.failure import SetupError

# Console-script headers and several CMake macros break at a blank, search paths at a colon.
_TROUBLESOME = re.compile(r"[^A-Za-z0-9_./+@,-]")


@dataclass(frozen=True)
class Layout:
    """The folders of one checkout."""

    root: Path

    @classmethod
    def here(cls) -> "Layout":
        """Find the checkout this file belongs to."""
        return cls(plain_path(Path(__file__).resolve().parent.parent))

    @property
    def venv(self) -> Path:
        """The virtual environment with the pinned wheels."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The Python every verb runs."""
        return self.venv / "bin" / "python"

    @property
    def source(self) -> Path:
        """The packages."""
        return self.root / "src"

    @property
    def build(self) -> Path:
        """What colcon builds in; Python packages are imported through it."""
        return self.root / "build"

    @property
    def install(self) -> Path:
        """The prefix colcon installs into."""
        return self.root / "install"

    @property
    def logs(self) -> Path:
        """One log a set-up step."""
        return self.root / "log" / "setup"

    def packages(self) -> list[Path]:
        """List the folders of src/ that hold a package, in order of name."""
        return sorted(path.parent for path in self.source.glob("*/package.xml"))

    def requirement_files(self) -> list[Path]:
        """List every requirements file, in order of name."""
        return sorted((self.root / "requirements").glob("*.txt"))


def plain_path(root: Path) -> Path:
    """`root` itself, or a link to it in the user's cache when its name would break a build tool.

    Raises SetupError where such a link cannot be kept.
    """
    if not _TROUBLESOME.search(str(root)):
        return root
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    link = cache / "polytask" / hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    if _TROUBLESOME.search(str(link)):
        raise SetupError(
            f"neither {str(root)!r} nor {str(cache)!r} is a path build tools can work in; "
            "set XDG_CACHE_HOME to a folder without blanks in its name"
        )
    if not link.is_symlink() or link.readlink() != root:
        _replace_link(link, root)
    return link


def _replace_link(link: Path, target: Path) -> None:
    aside = link.with_name(f"{link.name}.{os.getpid()}")
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        aside.symlink_to(target)
        aside.replace(link)
    except OSError as error:
        raise SetupError(
            f"{str(target)!r} needs a link without blanks to work in; it could not be made: {error}"
        ) from error

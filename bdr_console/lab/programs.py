"""Where the servers' programs are, or which Debian package would bring them."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from bdr_console.errors import ConsoleError

_DEBIAN = Path("/usr/lib/postgresql")
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_NEEDS = {
    "bdr3": ("pglogical", "postgresql-{}-pglogical", 0),
    "bdr1": ("pglogical", "postgresql-{}-pglogical", 0),
    "pglogical": ("pglogical", "postgresql-{}-pglogical", 0),
    "native": ("pgoutput", "postgresql-{}", 16),
    "bucardo": ("plperl", "postgresql-plperl-{}", 0),
}
"""Engine -> the library that stands beside its server, its Debian package, the oldest server."""


def _missing(what: str, package: str) -> ConsoleError:
    return ConsoleError(
        f"the lab needs {what}, which is not installed here",
        f"On Debian: apt-get install {package} (script/bootstrap installs everything at once).",
    )


def find(name: str) -> Path:
    """The program `name` (haproxy, pgbouncer) from PATH or the system directories; raises ConsoleError."""
    found = shutil.which(name) or shutil.which(name, path=":".join(_SYSTEM))
    if found is None:
        raise _missing(name, name)
    return Path(found)


def postgres_bin(engine: str = "bdr3") -> Path:
    """The directory of the newest PostgreSQL server programs that have what `engine` needs beside them.

    Raises ConsoleError that names what is missing.
    """
    library, package, oldest = _NEEDS[engine]
    found = sorted((path for path in _DEBIAN.glob("*") if _is_server(path)), key=lambda path: -int(path.name))
    fitting = [path for path in found if int(path.name) >= oldest]
    for path in fitting:
        if (path / f"lib/{library}.so").exists() and (path / "bin/pgbench").exists():
            return path / "bin"
    config = shutil.which("pg_config")
    if config is not None and not found:
        shown = subprocess.run([config], capture_output=True, text=True, timeout=10, check=False).stdout
        settings = dict(re.findall(r"^(\w+) = (.*)$", shown, re.MULTILINE))
        number = re.search(r"\d+", settings.get("VERSION", ""))
        if number and int(number[0]) >= oldest:
            if (Path(settings["PKGLIBDIR"]) / f"{library}.so").exists():
                return Path(settings["BINDIR"])
            raise _missing(library, package.format(number[0]))
    if oldest and not fitting:
        versions = ", ".join(path.name for path in found) or "none"
        raise ConsoleError(
            f"native replication both ways needs PostgreSQL {oldest} or later; installed: {versions}",
            "Install such a server, or choose another engine: "
            f"{', '.join(other for other in _NEEDS if other != engine)}.",
        )
    if fitting:
        version = fitting[0].name
        raise _missing(library, f"postgresql-{version} {package.format(version)}")
    raise _missing(f"a PostgreSQL server with {library}", f"postgresql {package.format(15)}")


def _is_server(path: Path) -> bool:
    return path.name.isdigit() and (path / "bin/postgres").exists()


@cache
def knows_setting(bin_dir: Path, setting: str) -> bool:
    """Whether this PostgreSQL has the parameter `setting`; an unknown one would stop it from starting."""
    shown = subprocess.run(
        [bin_dir / "postgres", "--describe-config"], capture_output=True, text=True, timeout=20, check=False
    )
    return any(line.split("\t", 1)[0] == setting for line in shown.stdout.splitlines())


def check(engine: str) -> None:
    """Raise ConsoleError for the first program that is missing."""
    postgres_bin(engine)
    find("haproxy")
    find("pgbouncer")
    if engine == "bucardo":
        find("bucardo")

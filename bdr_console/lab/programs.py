"""Where the servers' programs are, or which Debian package would bring them."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from bdr_console.errors import ConsoleError

_DEBIAN = Path("/usr/lib/postgresql")
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


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


def postgres_bin() -> Path:
    """The directory of the newest PostgreSQL server programs that have pglogical beside them."""
    versions = sorted(
        (path for path in _DEBIAN.glob("*") if path.name.isdigit() and (path / "bin/postgres").exists()),
        key=lambda path: -int(path.name),
    )
    for version in versions:
        if (version / "lib/pglogical.so").exists() and (version / "bin/pgbench").exists():
            return version / "bin"
    if versions:
        raise _missing("pglogical", f"postgresql-{versions[0].name}-pglogical postgresql-contrib")
    config = shutil.which("pg_config")
    if config is None:
        raise _missing("a PostgreSQL server with pglogical", "postgresql postgresql-15-pglogical")
    shown = subprocess.run([config], capture_output=True, text=True, timeout=10, check=False).stdout
    settings = dict(re.findall(r"^(\w+) = (.*)$", shown, re.MULTILINE))
    if not (Path(settings.get("PKGLIBDIR", "/nowhere")) / "pglogical.so").exists():
        raise _missing("pglogical", "postgresql-15-pglogical")
    return Path(settings["BINDIR"])


@cache
def knows_setting(bin_dir: Path, setting: str) -> bool:
    """Whether this PostgreSQL has the parameter `setting`; an unknown one would stop it from starting."""
    shown = subprocess.run(
        [bin_dir / "postgres", "--describe-config"], capture_output=True, text=True, timeout=20, check=False
    )
    return any(line.split("\t", 1)[0] == setting for line in shown.stdout.splitlines())


def check() -> None:
    """Raise ConsoleError for the first program that is missing."""
    postgres_bin()
    find("haproxy")
    find("pgbouncer")

"""The .sql files beside the engines: one statement per file, runnable in psql as it is."""

import re
from functools import cache
from pathlib import Path

CORE = Path(__file__).parent
"""The statements that any engine may use."""

_OLDER = re.compile(r"\.before-(\d+)\.sql$")


@cache
def statement(folder: Path, name: str, server_version: int) -> str:
    """The text of `name.sql`, or of `name.before-N.sql` for servers older than N (a server_version_num).

    Where several apply, the smallest N wins.
    """
    older = {
        int(match[1]): path
        for path in folder.glob(f"{name}.before-*.sql")
        if (match := _OLDER.search(path.name))
    }
    fitting = [limit for limit in older if server_version < limit]
    return (older[min(fitting)] if fitting else folder / f"{name}.sql").read_text(encoding="utf-8")

"""The SQL that lets a role watch: each engine's grants.sql, with the role's name in it. Pure."""

import re
from functools import cache
from pathlib import Path

from psycopg import sql

from bdr_console.cluster.access import UNINHERITED
from bdr_console.errors import ConsoleError

_HERE = Path(__file__).parent

_DENIED = re.compile(r"permission denied for (?P<kind>[a-z ]+) \"?(?P<name>[^\"\s]+)\"?$")
_HIDDEN_SETTING = re.compile(r"permission denied to examine|pg_read_all_settings to examine")
"""How a server refuses to show a parameter that only pg_read_all_settings, a part of pg_monitor, may see:
from 16 on, and before."""
_GEXEC = re.compile(r"^(SELECT(?:(?!^SELECT).)*?)\n\\gexec$", re.DOTALL | re.MULTILINE)
_SCHEMA = re.compile(r"nspname = '(\w+)'")


def words() -> tuple[str, ...]:
    """The engines that have a grants.sql, by the words that `engine:` in the configuration knows."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/grants.sql")))


@cache
def _text(word: str) -> str:
    return (_HERE / word / "grants.sql").read_text(encoding="utf-8")


def grants(word: str, role: str) -> str:
    """grants.sql of that engine for psql, with `role` quoted in place of psql's variable.

    Raises ConsoleError for an engine without one, and for a name that cannot be a role's.
    """
    if word not in words():
        raise ConsoleError(
            f"nothing is known of the grants that '{word}' needs", f"There are: {', '.join(words())}."
        )
    return _for(role, _GEXEC.sub(lambda found: _in_a_block(found[1], role), _text(word)))


def _in_a_block(query: str, role: str) -> str:
    """Run what a query makes in a DO block: psql before 9.6 does not know \\gexec, and a server of that age
    may have no other psql."""
    tag = "grants"
    while f"${tag}$" in role:
        tag += "_"
    return (
        f"DO ${tag}$\nDECLARE made text;\nBEGIN\n  FOR made IN\n{query}\n  LOOP\n    EXECUTE made;\n"
        f"  END LOOP;\nEND ${tag}$;"
    )


def helping_grant(word: str, role: str, why: str) -> str | None:
    """The statement of that engine's grants that answers `why`, as a server or a reading says it.

    None when nothing was denied, or the grants say nothing of it.
    """
    if word not in words():
        return None
    granting = [text for text in _statements(word) if text.startswith("GRANT") or text.endswith("\\gexec")]
    denied = _DENIED.search(why)
    if why == UNINHERITED["grant"]:
        return _for(role, 'GRANT pg_monitor TO :"role" WITH INHERIT TRUE;')
    if why == UNINHERITED["role"]:
        return _for(role, 'ALTER ROLE :"role" INHERIT;')
    if denied is None:
        helps = "pg_monitor" in why or _HIDDEN_SETTING.search(why)
        found = next((text for text in granting if helps and "pg_monitor" in text), None)
        return _for(role, found) if found and found.startswith("GRANT") else None
    name = ("ON SCHEMA " if denied["kind"] == "schema" else "") + denied["name"]
    found = next((text for text in granting if _mentions(text, name)), None)
    if found is None:  # a role that comes with the engine opens the rest
        found = next((text for text in granting if re.match(r"GRANT pg_monitor, \w+ TO", text)), None)
    elif found.endswith("\\gexec"):
        schema = _SCHEMA.search(found)
        found = f'GRANT SELECT ON {schema[1]}.{name} TO :"role";' if schema else None
    return _for(role, " ".join(found.split())) if found else None


def _mentions(statement: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?![\w.])", statement) is not None


def _statements(word: str) -> list[str]:
    lines = [line for line in _text(word).splitlines() if line and not line.startswith("--")]
    found = re.findall(r".*?(?:;$|^\\gexec$)", "\n".join(lines), re.DOTALL | re.MULTILINE)
    return [text.strip() for text in found]


def _for(role: str, text: str) -> str:
    if not role or not role.isprintable() or len(role.encode()) > 63:
        raise ConsoleError(
            f"{role!r} is no name for a role",
            "A role's name has 1 to 63 bytes, all printable.",
        )
    quoted = {':"role"': sql.Identifier(role).as_string(None), ":'role'": sql.Literal(role).as_string(None)}
    return re.sub(r""":"role"|:'role'""", lambda found: quoted[found[0]], text)

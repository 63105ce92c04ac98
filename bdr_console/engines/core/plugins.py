"""Minor releases of late 2026 refuse output plugins that `output_plugin_libraries` does not list. Pure.

They refuse them to slots that have long existed, too: open streams go on, but after a restart none starts
again, and the reason stands only in the sender's log.
"""

from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.nodes import Caveat
from bdr_console.cluster.text import clean

_SETTING = "output_plugin_libraries"


def plugin_caveats(row: Mapping[str, Any] | None) -> tuple[Caveat, ...]:
    """What the row of plugins.sql (`allowed`, None where there is no such setting; `needed`) means."""
    if row is None or row["allowed"] is None:
        return ()
    allowed = clean(row["allowed"], 1000)
    names, quoted = _names(allowed), [name for name in _names(allowed) if "," in name]
    missing = [clean(plugin, 100) for plugin in row["needed"] or () if plugin not in names]
    if quoted:
        # ALTER SYSTEM SET ... = 'a,b' stores one name with a comma in it.
        right = ", ".join(f"'{part.strip()}'" for part in quoted[0].split(","))
        text = f'{_SETTING} holds one name with a comma, "{quoted[0]}": ALTER SYSTEM SET {_SETTING} = {right}'
        return (Caveat(bool(missing), text),)
    if missing:
        text = (
            f"{_SETTING} does not list {', '.join(missing)}: once its walsenders end, nothing here replicates"
        )
        return (Caveat(True, f"{text} any more; add it and reload"),)
    return ()


def _names(setting: str) -> list[str]:
    """The elements of a list of names as PostgreSQL shows it: parted by commas, in quotes if need be."""
    found, name, inside = [], "", False
    for letter in setting:
        if letter == '"':
            inside = not inside
        elif letter == "," and not inside:
            found.append(name.strip())
            name = ""
        else:
            name += letter
    return [name for name in (*found, name.strip()) if name]

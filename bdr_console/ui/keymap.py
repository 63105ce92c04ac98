"""A user's own keys: written as people write them, checked against each other and against the registry.

Nothing here loads textual: `config check` uses it without a screen.
"""

import difflib
from collections.abc import Iterator, Mapping

from bdr_console.ui.keys import ACTIONS, Action, Scope, key_name, key_symbols, of, shown

__all__ = ["Scope", "applied", "canonical", "canonical_list", "of", "shown", "shown_key", "wrong"]

_NAMED = frozenset(
    {"enter", "escape", "tab", "space", "backspace", "delete", "insert"}
    | {"up", "down", "left", "right", "home", "end", "pageup", "pagedown"}
)
_WRITTEN = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown"}
_MODIFIERS = ("ctrl", "shift", "alt")
_MODAL = (Scope.QUESTION,)
"""Where the keys that work everywhere do not."""


def canonical(key: str) -> str:
    """One key as Textual names it: `?` -> `question_mark`, `esc` -> `escape`; ValueError if none."""
    key = key.strip()
    if len(key) == 1:
        return key_name(key)
    *modifiers, last = key.split("+")
    last = _WRITTEN.get(last.lower(), last if len(last) == 1 else last.lower())
    known = last in _NAMED or last in key_symbols() or _is_function_key(last)
    if any(modifier not in _MODIFIERS for modifier in modifiers) or not (known or len(last) == 1):
        near = difflib.get_close_matches(last, sorted(_NAMED | {"comma"}), n=1)
        hint = (
            f"; did you mean '{near[0]}'?" if near else ": write a character, ctrl+x, enter, escape, up ..."
        )
        raise ValueError(f"'{key}' is no key{hint}")
    return "+".join([*modifiers, key_name(last) if len(last) == 1 else last])


def canonical_list(keys: str) -> str:
    """Comma separated keys as Textual names them; a comma itself is written `comma`. ValueError if wrong."""
    parts = [part.strip() for part in keys.split(",")]
    if not all(parts):
        raise ValueError("a key is missing: write keys separated by commas (the comma itself as comma)")
    return ",".join(dict.fromkeys(canonical(part) for part in parts))


def shown_key(action: Action, keys: Mapping[str, str]) -> str:
    """What help, palette and footer call the key of `action`, with a user's own keys in `keys`."""
    mine = keys.get(action.id)
    return shown(mine) if mine else action.shown_as


def wrong(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every mistake in a user's keys: the action's id, and what is wrong with it."""
    mappable = {action.id: action for action in ACTIONS if action.keys}
    mapped: dict[str, str] = {}
    for name, wanted in keys.items():
        if name not in mappable:
            near = difflib.get_close_matches(name, mappable, n=1)
            known = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(mappable)}"
            yield name, f"there is no action of this name; {known}"
            continue
        try:
            mapped[name] = canonical_list(wanted)
        except ValueError as error:
            yield name, str(error)
    taken = {name: set(mapped.get(name, action.keys).split(",")) for name, action in mappable.items()}
    for name in mapped:
        for other, action in mappable.items():
            both = taken[name] & taken[other]
            if other == name or not both or not _meet(mappable[name], action):
                continue
            if other in mapped and list(mapped).index(other) < list(mapped).index(name):
                continue  # said already, from the other side
            if both <= set(mappable[name].keys.split(",")) & set(action.keys.split(",")):
                continue  # it is so without the user's keys: the screen's own key goes before
            where = action.place if mappable[name].place is Scope.EVERYWHERE else mappable[name].place
            yield name, f"{shown(','.join(sorted(both)))} is the key of '{other}' too ({where.value})"


def applied(keys: Mapping[str, str]) -> dict[str, str]:
    """A user's keys, checked by `wrong`, as Textual takes them."""
    return {name: canonical_list(wanted) for name, wanted in keys.items()}


def _meet(one: Action, other: Action) -> bool:
    """Whether two actions can be reached from one screen."""
    places = {one.place, other.place}
    if len(places) == 1:
        return True
    return Scope.EVERYWHERE in places and not places & set(_MODAL)


def _is_function_key(name: str) -> bool:
    return name[:1] == "f" and name[1:].isdecimal() and 1 <= int(name[1:]) <= 24

"""The user's own keys, checked against the registry of actions: all that a file names of the screen."""

from collections.abc import Iterator, Mapping

import yaml

from bdr_console.config.mistakes import Mistake, at, mark_of


def wrong_keys(root: yaml.Node, keys: Mapping[str, str]) -> list[Mistake]:
    """Every mistake in `keys`, with its place."""
    if not keys:
        return []
    from bdr_console.ui.keymap import wrong  # a list, without textual

    return [at(mark_of(root, ("keys", name)), ("keys", name), text) for name, text in wrong(keys)]


def listed() -> Iterator[str]:
    """Every action that `keys` can name, below the place where it works: name, key, what it does."""
    from bdr_console.ui.keys import Scope, of  # a list, without textual

    for place in Scope:
        yield f"# {place.value}"
        for action in of(place):
            if action.keys:
                yield f"{action.id:<18} {action.shown_as:<8} {action.help}"

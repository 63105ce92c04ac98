"""How the console looks, and its keys: from the command line, the configuration and the environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from bdr_console.cluster.text import clean
from bdr_console.config import Settings, find, opened
from bdr_console.errors import ConsoleError
from bdr_console.options import Options
from bdr_console.terminal_limits import ascii_only
from bdr_console.ui.looks.themes import NO_COLOUR, Themes, gather

_DEFAULT = "dark"


class Looks(TypedDict):
    """What an application is given of it, by the names of its arguments."""

    theme: str
    ascii_only: bool
    keys: Mapping[str, str]
    themes: Themes
    config: Path | None


def looks(
    options: Options,
    config: Path | None,
    settings: Settings | None,
    *,
    theme: str | None = None,
    on_terminal: bool = True,
) -> Looks:
    """As the user wants it; without a configuration, as the console comes.

    `theme` goes before everything else. What a terminal cannot show (LANG=C, NO_COLOR) says nothing of a
    picture, which is not made for one.
    """
    named = theme or options.theme
    if named is None and on_terminal and os.environ.get("NO_COLOR") is not None:
        named = NO_COLOUR
    asked = options.ascii or (settings is not None and settings.ascii)
    return Looks(
        theme=named or (settings.theme if settings is not None else _DEFAULT),
        ascii_only=ascii_only(asked) if on_terminal else asked,
        keys=settings.keys if settings is not None else {},
        themes=gather(config),
        config=config,
    )


def own(options: Options) -> tuple[Path | None, Settings | None]:
    """The configuration, for keys and looks; a recording needs none, and one that was not named may
    be wrong.

    Raises ConsoleError for one that was named.
    """
    try:
        config = find(options.config)
    except ConsoleError:
        return None, None
    try:
        return config, opened(config)
    except ConsoleError as error:
        if options.config is not None:
            raise
        print(f"bdr-console: shown without your keys and themes: {clean(error.problem)}", file=sys.stderr)
        return None, None

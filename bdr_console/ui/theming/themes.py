"""Colour themes as data, one YAML file each, and the choice between them."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypedDict

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from textual.color import Color, ColorParseError
from textual.theme import Theme

from bdr_console.cluster.text import clean
from bdr_console.config import Settings, find, opened
from bdr_console.config.document import Document
from bdr_console.config.mistakes import of_validation
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.paths import shipped
from bdr_console.plain.stream_writer import ascii_only

NO_COLOUR = "mono"
"""The theme for NO_COLOR: nothing but plain, bold, underlined or reversed text reaches the terminal."""
_MARKS = frozenset({"bold", "dim", "italic", "underline", "reverse"})
_LARGEST_NUMBER = 200
"""Theme files that are read from one directory."""


def _colour(text: str) -> str:
    try:
        Color.parse(text)
    except ColorParseError:
        raise ValueError(f"'{text}' is no colour: write #rrggbb, a name, or ansi_red and the like") from None
    return text


def _marks(text: str) -> str:
    wrong = [word for word in text.split() if word not in _MARKS]
    if wrong:
        raise ValueError(f"'{wrong[0]}' is no emphasis: write some of {', '.join(sorted(_MARKS))}, or ''")
    return text


Colour = Annotated[str, AfterValidator(_colour)]
Marks = Annotated[str, AfterValidator(_marks)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Colours(_Part):
    """The base colours, in Textual's terms; the shades between them are computed."""

    primary: Colour
    secondary: Colour
    warning: Colour
    error: Colour
    success: Colour
    accent: Colour
    foreground: Colour
    background: Colour
    surface: Colour
    panel: Colour


class States(_Part):
    """The colours that mean something in this console; each comes on top of a symbol and a word."""

    node_up: Annotated[Colour, Field(alias="node-up")]
    node_lag: Annotated[Colour, Field(alias="node-lag")]
    node_bad: Annotated[Colour, Field(alias="node-bad")]
    node_unknown: Annotated[Colour, Field(alias="node-unknown")]
    stale: Colour
    prod: Colour


class Emphasis(_Part):
    """What a state's text looks like besides its colour: words of bold, dim, italic, underline, reverse."""

    node_up: Annotated[Marks, Field(alias="node-up")] = ""
    node_lag: Annotated[Marks, Field(alias="node-lag")] = "bold"
    node_bad: Annotated[Marks, Field(alias="node-bad")] = "bold"
    node_unknown: Annotated[Marks, Field(alias="node-unknown")] = ""
    stale: Marks = ""
    prod: Marks = "bold reverse"


class ThemeFile(_Part):
    """One file in themes/."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    description: str
    dark: bool
    ansi: bool = False
    """Keep the terminal's own sixteen colours."""
    colourless: bool = False
    """Send no colour at all, whatever the colours below say."""
    colours: Colours
    states: States
    emphasis: Emphasis = Emphasis()
    textual: dict[str, str] = {}
    """Further variables of Textual's, such as block-cursor-background."""

    def theme(self) -> Theme:
        """The same as Textual takes it."""
        emphasis = self.emphasis.model_dump(by_alias=True)
        return Theme(
            name=self.name,
            dark=self.dark,
            ansi=self.ansi,
            variables={
                **self.textual,
                **self.states.model_dump(by_alias=True),
                **{f"{name}-style": marks or "none" for name, marks in emphasis.items()},
            },
            **self.colours.model_dump(),
        )


@dataclass(frozen=True, slots=True)
class Themes:
    """Every theme there is."""

    known: dict[str, ThemeFile]
    """By name, sorted."""
    broken: tuple[str, ...] = ()
    """One sentence for each of the user's own files that could not be used: where, and why."""


def theme_dir() -> Path:
    """Where the shipped theme files lie."""
    return shipped("themes")


def user_dirs(config: Path | None) -> tuple[Path, ...]:
    """Where a user's own themes are looked for; of two themes of one name the later directory's is taken."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = [home / "bdr-console" / "themes"]
    if config is not None:
        places.append(config.absolute().parent / "themes")
    own = theme_dir().resolve()
    return tuple(dict.fromkeys(place for place in places if place.resolve() != own))


def gather(config: Path | None) -> Themes:
    """The shipped themes and the user's own; a broken one of the user's is left out and told of."""
    known = load_themes()
    broken: list[str] = []
    for directory in user_dirs(config):
        found: dict[str, Path] = {}
        for path in sorted(directory.glob("*.yaml"))[:_LARGEST_NUMBER]:
            try:
                theme = _load(path)
                if theme.name in found:
                    raise _same_name(path, theme.name, found[theme.name])
            except ConsoleError as error:
                broken.append(error.problem)
            else:
                found[theme.name] = path
                known[theme.name] = theme
    return Themes(dict(sorted(known.items())), tuple(broken))


def load_themes(directory: Path | None = None) -> dict[str, ThemeFile]:
    """Every theme of a directory by name, sorted; raises ConsoleError that names the place of a mistake."""
    shipped = directory is None
    directory = directory or theme_dir()
    themes: dict[str, ThemeFile] = {}
    for path in sorted(directory.glob("*.yaml")):
        theme = _load(path, shipped=shipped)
        if theme.name in themes:
            raise _same_name(path, theme.name, directory)
        themes[theme.name] = theme
    if not themes:
        raise ConsoleError(f"no themes in {directory}", "Install bdr-console again, or check that directory.")
    return dict(sorted(themes.items()))


def choose(themes: Themes, name: str) -> ThemeFile:
    """The theme of that name; raises ConsoleError with the known names, and why others are broken."""
    if name not in themes.known:
        wrong = "".join(f"\n{sentence}" for sentence in themes.broken)
        raise ConsoleError(
            f"there is no theme named '{name}'{wrong}", f"Known themes: {', '.join(themes.known)}."
        )
    return themes.known[name]


def _same_name(path: Path, name: str, other: Path) -> ConsoleError:
    return ConsoleError(
        f"{path}: there is another theme named '{name}' in {other}", "Give it a name of its own."
    )


def _load(path: Path, *, shipped: bool = False) -> ThemeFile:
    document = Document(path, shipped=shipped)
    mistakes = list(document.mistakes)
    if document.root is None and not mistakes:
        raise ConsoleError(f"{path}: is empty", "The shipped themes show the form.")
    if document.root is not None:
        try:
            theme = ThemeFile.model_validate(yaml.SafeLoader("").construct_document(document.root))
        except ValidationError as error:
            mistakes += of_validation(document.root, error, ThemeFile)
        except (yaml.YAMLError, RecursionError):
            raise ConsoleError(
                f"{path}: this is not plain YAML", "The shipped themes show the form."
            ) from None
        else:
            if not mistakes:
                return theme
    told = "\n".join(str(mistake) for mistake in mistakes)
    raise ConsoleError(told, "The shipped themes show the form.")


_DEFAULT = "dark"


class Appearance(TypedDict):
    """What an application is given of it, by the names of its arguments."""

    theme: str
    ascii_only: bool
    keys: Mapping[str, str]
    themes: Themes
    config: Path | None


def appearance(
    options: Options,
    config: Path | None,
    settings: Settings | None,
    *,
    theme: str | None = None,
    on_terminal: bool = True,
) -> Appearance:
    """As the user wants it; without a configuration, as the console comes.

    `theme` goes before everything else. What a terminal cannot show (LANG=C, NO_COLOR) says nothing of a
    picture, which is not made for one.
    """
    named = theme or options.theme
    if named is None and on_terminal and os.environ.get("NO_COLOR") is not None:
        named = NO_COLOUR
    asked = options.ascii or (settings is not None and settings.ascii)
    return Appearance(
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

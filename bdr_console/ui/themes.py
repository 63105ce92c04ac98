"""Colour themes as data: one YAML file each, checked as a whole, chosen by name."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from textual.color import Color, ColorParseError
from textual.theme import Theme

from bdr_console.errors import ConsoleError

NO_COLOUR = "ansi"
"""The theme for NO_COLOR: only without RGB colours does nothing but plain text reach the terminal."""


def _colour(text: str) -> str:
    try:
        Color.parse(text)
    except ColorParseError:
        raise ValueError(f"'{text}' is no colour: write #rrggbb, a name, or ansi_red and the like") from None
    return text


Colour = Annotated[str, AfterValidator(_colour)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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


class ThemeFile(_Part):
    """One file in themes/."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    description: str
    dark: bool
    ansi: bool = False
    """Keep the terminal's own sixteen colours."""
    colours: Colours
    states: States
    textual: dict[str, str] = {}
    """Further variables of Textual's, such as block-cursor-background."""

    def theme(self) -> Theme:
        """The same as Textual takes it."""
        return Theme(
            name=self.name,
            dark=self.dark,
            ansi=self.ansi,
            variables={**self.textual, **self.states.model_dump(by_alias=True)},
            **self.colours.model_dump(),
        )


def theme_dir() -> Path:
    """Where the theme files lie: in an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "themes"
    return installed if installed.is_dir() else package.parent / "themes"


def load_themes(directory: Path | None = None) -> dict[str, ThemeFile]:
    """Every theme by name, sorted; raises ConsoleError that names the file and the key of a mistake."""
    directory = directory or theme_dir()
    themes: dict[str, ThemeFile] = {}
    for path in sorted(directory.glob("*.yaml")):
        theme = _load(path)
        if theme.name in themes:
            raise ConsoleError(
                f"{path}: there is another theme named '{theme.name}'", "Give it a name of its own."
            )
        themes[theme.name] = theme
    if not themes:
        raise ConsoleError(f"no themes in {directory}", "Install bdr-console again, or check that directory.")
    return dict(sorted(themes.items()))


def choose(themes: dict[str, ThemeFile], name: str) -> ThemeFile:
    """The theme of that name; raises ConsoleError with the known names."""
    if name not in themes:
        raise ConsoleError(f"there is no theme named '{name}'", f"Known themes: {', '.join(themes)}.")
    return themes[name]


def _load(path: Path) -> ThemeFile:
    try:
        return ThemeFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConsoleError(f"cannot read the theme {path}: {reason}", "Check its permissions.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConsoleError(f"{place}: this is not YAML", "Mend it; the other themes show the form.") from None
    except ValidationError as error:
        mistakes = [f"{path}: {_key(item['loc'])}: {_message(item['msg'])}" for item in error.errors()]
        raise ConsoleError("\n".join(mistakes), "The other themes in that directory show the form.") from None


def _key(where: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in where) or "the file"


def _message(text: str) -> str:
    plain = text.removeprefix("Value error, ")
    return plain[:1].lower() + plain[1:]

"""What the application does for keys, commands and looks, whatever its screens show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.binding import Binding
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender

from bdr_console.cluster.text import clean
from bdr_console.ui.commander import Commander
from bdr_console.ui.here import not_possible
from bdr_console.ui.keymap import applied, shown
from bdr_console.ui.looks.filters import AsciiOnly, Colourless
from bdr_console.ui.looks.stylesheet import RememberingStylesheet
from bdr_console.ui.looks.themes import Themes, choose, gather
from bdr_console.ui.motion import move
from bdr_console.ui.screens.command_line import CommandLine
from bdr_console.ui.screens.theme_chooser import ThemeChooser
from bdr_console.ui.terminal.ending import EndingApp
from bdr_console.ui.text.words import ASCII, UNICODE
from bdr_console.ui.widgets.scroll_bar import AsciiScrollBar

if TYPE_CHECKING:
    from textual.actions import ActionParseResult

    from bdr_console.ui.app import ConsoleApp


class KeyedApp(EndingApp):
    """An application with the user's own keys and themes, and a command line."""

    def __init__(
        self,
        theme: str,
        *,
        ascii_only: bool = False,
        keys: Mapping[str, str] | None = None,
        themes: Themes | None = None,
        config: Path | None = None,
    ) -> None:
        """`keys` are the user's own, by action; `themes` the shipped ones when left out; `config` is the file
        that is named where a choice can be kept. Raises ConsoleError for an unknown theme.
        """
        found = themes or gather(None)
        chosen = choose(found, theme)
        # Said here already: Textual drops colours for NO_COLOR only when ANSI colours are on from the start.
        super().__init__(ansi_color=True if chosen.ansi else None)
        self.stylesheet = RememberingStylesheet(variables=self.get_css_variables())
        self.animation_level = "none"
        self.known_themes = found.known
        self.keys = applied(keys or {})
        self.glyphs = ASCII if ascii_only else UNICODE
        self.commander = Commander(cast("ConsoleApp", self))
        self._broken = found.broken
        self._config = config
        self._colourless, self._ascii = Colourless(), AsciiOnly()
        ScrollBar.renderer = AsciiScrollBar if ascii_only else ScrollBarRender
        for file in self.known_themes.values():
            self.register_theme(file.theme())
        self.theme = theme
        self.set_keymap(self.keys)  # before the first footer is painted

    def size_classes(self) -> list[str]:
        """How Textual marks a screen of the terminal's size, by our breakpoints."""
        width, height = self.size
        wide = [name for least, name in self.HORIZONTAL_BREAKPOINTS or () if least <= width]
        high = [name for least, name in self.VERTICAL_BREAKPOINTS or () if least <= height]
        return [*wide[-1:], *high[-1:]]

    @property
    def read_only(self) -> bool:
        """Whether this console can only watch."""
        raise NotImplementedError

    def begin_looks(self) -> None:
        """When the application has begun: mark an ASCII screen for the styles, tell of themes left out."""
        self.set_class(self.glyphs.ascii_only, "-ascii")
        for sentence in self._broken:
            said = f"a theme is left out: {clean(sentence, 500)}"
            self.notify(said, severity="warning", timeout=15, markup=False)

    def watch_theme(self, theme: str) -> None:
        """A theme of the sixteen colours keeps them; any other must not, whatever the console began with."""
        self.ansi_color = True if self.current_theme.ansi else None

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, a click, the palette or the command line asks for; what cannot be done says why."""
        if isinstance(action, str):
            why = not_possible(cast("ConsoleApp", self), action, default_namespace or self)
            if why:
                self.notify(why, severity="warning", markup=False)
                return True
        return await super().run_action(action, default_namespace, namespaces)

    def get_key_display(self, binding: Binding) -> str:
        """A key as the help writes it, also one of the user's own."""
        return binding.key_display or shown(binding.key)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through before it is sent."""
        theme = self.known_themes.get(self.theme)
        found = [*super().get_line_filters()]
        if theme is not None and theme.colourless:
            found.append(self._colourless)
        if self.glyphs.ascii_only:
            found.append(self._ascii)
        return found

    def action_move(self, way: str) -> None:
        """Move in whatever has the keys."""
        move(self.screen, way)

    def action_command_line(self) -> None:
        """Take a command by its name."""
        screen = self.screen

        def typed(text: str | None) -> None:
            if text is not None:
                self.commander.remember(text)
                self.run_worker(self._do(text, screen), exit_on_error=False, name="command")

        self.push_screen(CommandLine(self.commander.commands(screen), self.commander.history), typed)

    async def _do(self, text: str, screen: Screen[object]) -> None:
        try:
            await self.commander.do(text, screen)
        except Exception as error:
            self.commander.report(text, error)

    def action_next_theme(self) -> None:
        """The next of the themes."""
        names = list(self.known_themes)
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.notify(f"theme: {self.theme}", timeout=2, markup=False)

    def action_choose_theme(self) -> None:
        """Choose a theme; the list shows each one while one moves in it."""

        def chosen(name: str | None) -> None:
            if name is not None:
                file = clean(str(self._config)) if self._config else "the configuration"
                self.notify(f"To keep this theme, write in {file}:\ntheme: {name}", timeout=8, markup=False)

        self.push_screen(ThemeChooser(self.known_themes, self.theme), chosen)

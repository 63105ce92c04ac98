"""Every key of the console, once: bindings, footer, help and palette are all made from this table.

Nothing here loads textual: the configuration checks a user's keys against the table without a screen.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import Binding, BindingType

_SHORT = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


class Scope(StrEnum):
    """Where a key works; the value is its heading in the help."""

    OVERVIEW = "Overview"
    EVERYWHERE = "Everywhere"
    DETAILS = "Details"
    PLAN = "Plan of a switchover"
    RUN = "Run under way"
    LEFT = "What a run left behind"
    CLUSTERS = "List of clusters"
    ALARMS = "Alarms"
    LOG = "Event log"
    QUESTION = "Questions"
    REPLAY = "Replay of a recording"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does."""

    id: str
    """What a user's key map names; it does not change between versions."""
    keys: str
    """Textual's names, comma separated; empty when a widget of Textual's handles the key itself."""
    does: str
    """Textual's action."""
    label: str
    """One or two words for the footer."""
    place: Scope
    help: str = ""
    shown_as: str = ""
    """The key as a reader writes it; made of `keys` when left out."""
    footer: bool = False
    rank: int = 5
    """In a narrow footer: the higher, the earlier it leaves; 0 stays whatever happens."""
    changes: bool = False
    """Whether it can change the cluster: not reachable in read-only mode."""

    def __post_init__(self) -> None:
        """Write the key as a reader does."""
        if not self.shown_as:
            object.__setattr__(self, "shown_as", shown(self.keys))

    def binding(self) -> "Binding":
        """Return the binding for Textual."""
        from textual.binding import Binding

        return Binding(
            self.keys,
            self.does,
            self.label,
            show=self.footer,
            key_display=self.shown_as,
            tooltip=self.help,
            id=self.id,
        )


def shown(keys: str) -> str:
    """Keys as a reader writes them: `question_mark` -> `?`, `G,end` -> `G, end`."""
    return ", ".join(
        "+".join(key_symbols().get(part, part) for part in key.split("+")) for key in keys.split(",")
    )


def key_name(character: str) -> str:
    """Return Textual's name of a key that types `character`; ValueError for a control character."""
    if character == " ":
        return "space"
    if character.isalnum():
        return character
    if not character.isprintable():
        raise ValueError("a control character is no key: write ctrl+x, enter, escape, tab ...")
    name = unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
    return _SHORT.get(name, name)


@cache
def key_symbols() -> dict[str, str]:
    """Textual's name of each ASCII symbol, and the symbol; a comma keeps its name, it separates keys."""
    found = {key_name(chr(code)): chr(code) for code in range(33, 127) if not chr(code).isalnum()}
    return {**found, "comma": "comma", "escape": "esc"}


# fmt: off
ACTIONS = (
    # Everywhere
    Action("help", "question_mark", "app.help", "Help", Scope.EVERYWHERE, footer=True, rank=0,
           help="Show every key"),
    Action("quit", "q,ctrl+c", "app.leave", "Quit", Scope.EVERYWHERE, shown_as="q", footer=True, rank=0,
           help="Leave; a run under way goes on without the console"),
    Action("palette", "ctrl+p", "app.command_palette", "Palette", Scope.EVERYWHERE,
           help="Find a command by its name"),
    Action("command", "colon", "app.command_line", "Command", Scope.EVERYWHERE,
           help="Type a command (pane lag, node node2, theme light); tab completes"),
    Action("suspend", "ctrl+z", "app.suspend_process", "Suspend", Scope.EVERYWHERE,
           help="Back to the shell until fg; nothing is read meanwhile, a run goes on"),
    Action("save", "S", "app.save_ring", "Save", Scope.EVERYWHERE,
           help="Save the last 30 minutes to a file that can be replayed"),
    Action("refresh", "r", "app.refresh_now", "Refresh", Scope.EVERYWHERE,
           help="Read every target now"),
    Action("faster", "plus,equals_sign", "app.pace(-1)", "Faster", Scope.EVERYWHERE, shown_as="+",
           help="Read more often"),
    Action("slower", "minus", "app.pace(1)", "Slower", Scope.EVERYWHERE,
           help="Read less often"),
    Action("theme", "t", "app.next_theme", "Theme", Scope.EVERYWHERE,
           help="Next colour theme"),
    Action("themes", "T", "app.choose_theme", "Themes", Scope.EVERYWHERE,
           help="Choose a colour theme from a list; moving in it shows each"),
    Action("go-down", "j", "app.move('down')", "Down", Scope.EVERYWHERE,
           help="Down (also the arrow key)"),
    Action("go-up", "k", "app.move('up')", "Up", Scope.EVERYWHERE,
           help="Up (also the arrow key)"),
    Action("go-left", "h", "app.move('left')", "Previous pane", Scope.EVERYWHERE,
           help="To the pane before (also shift+tab)"),
    Action("go-right", "l", "app.move('right')", "Next pane", Scope.EVERYWHERE,
           help="To the next pane"),
    Action("go-top", "g", "app.move('top')", "First", Scope.EVERYWHERE,
           help="To the first row (also home)"),
    Action("go-bottom", "G", "app.move('bottom')", "Last", Scope.EVERYWHERE,
           help="To the last row (also end)"),
    Action("go-half-down", "ctrl+d", "app.move('half_down')", "Half a page down", Scope.EVERYWHERE,
           help="Half a page down"),
    Action("go-half-up", "ctrl+u", "app.move('half_up')", "Half a page up", Scope.EVERYWHERE,
           help="Half a page up"),
    Action("clusters", "c", "app.clusters", "Clusters", Scope.EVERYWHERE, footer=True, rank=4,
           help="List the clusters of the configuration and how they stand"),
    Action("next-cluster", "right_square_bracket", "app.cluster(1)", "Next cluster", Scope.EVERYWHERE,
           help="Show the next cluster; the others go on being read"),
    Action("previous-cluster", "left_square_bracket", "app.cluster(-1)", "Previous cluster", Scope.EVERYWHERE,
           help="Show the cluster before"),
    # Overview
    Action("pane-1", "1", "screen.pane(1)", "Panes", Scope.OVERVIEW, shown_as="1-6", footer=True, rank=2,
           help="Go to the nodes pane"),
    Action("pane-2", "2", "screen.pane(2)", "Panes", Scope.OVERVIEW, rank=2,
           help="Go to the connections pane"),
    Action("pane-3", "3", "screen.pane(3)", "Panes", Scope.OVERVIEW, rank=2,
           help="Go to the lag pane"),
    Action("pane-4", "4", "screen.pane(4)", "Panes", Scope.OVERVIEW, rank=2,
           help="Go to the HAProxy pane"),
    Action("pane-5", "5", "screen.pane(5)", "Panes", Scope.OVERVIEW, rank=2,
           help="Go to the PgBouncer pane"),
    Action("pane-6", "6", "screen.pane(6)", "Panes", Scope.OVERVIEW, rank=2,
           help="Go to the events pane"),
    Action("zoom", "z", "screen.zoom", "Zoom", Scope.OVERVIEW, footer=True, rank=3,
           help="One pane on the whole screen, and back"),
    Action("view", "m", "screen.view", "Mesh", Scope.OVERVIEW, footer=True, rank=7,
           help="Connections as a mesh, as a table, or drawn (up to six nodes)"),
    Action("back", "escape", "screen.back", "Back", Scope.OVERVIEW,
           help="Back to all panes"),
    Action("next-pane", "", "app.focus_next", "Next pane", Scope.OVERVIEW, shown_as="tab",
           help="Go to the next pane, shift+tab to the one before"),
    Action("move", "", "", "Move", Scope.OVERVIEW, shown_as="up/down",
           help="Move in a pane (also page up, page down, home, end)"),
    Action("switchover", "s", "screen.switchover", "Switchover", Scope.OVERVIEW,
           footer=True, rank=1, changes=True,
           help="Plan to take the selected node out of service and back"),
    Action("isolate", "i", "screen.isolate", "Isolate", Scope.OVERVIEW, changes=True,
           help="Plan to cut off a node that is dead: nothing waits for it"),
    Action("run", "w", "screen.attach", "Run", Scope.OVERVIEW, footer=True, rank=2,
           help="Look at the run under way, or the last one"),
    Action("left", "o", "screen.left", "Left over", Scope.OVERVIEW, footer=True, rank=1, changes=True,
           help="Resume or undo what a dead run left: clients that wait, a setting, a node in maintenance"),
    Action("details", "enter", "screen.details", "Details", Scope.OVERVIEW, footer=True, rank=4,
           help="Everything known about the row, with its source and age"),
    Action("filter", "slash", "screen.filter", "Filter", Scope.OVERVIEW, footer=True, rank=8,
           help="Show only rows that hold these words; !word leaves out; esc shows all"),
    Action("freeze", "space", "screen.freeze", "Freeze", Scope.OVERVIEW,
           help="Hold the pane still, and catch up again; reading goes on"),
    Action("sort-next", "greater_than_sign", "screen.sort(1)", "Sort", Scope.OVERVIEW,
           help="Sort by the next column; after the last one as it was"),
    Action("sort-previous", "less_than_sign", "screen.sort(-1)", "Sort back", Scope.OVERVIEW,
           help="Sort by the column before"),
    Action("sort-reverse", "exclamation_mark", "screen.reverse", "Reverse", Scope.OVERVIEW,
           help="Turn the order round"),
    Action("copy", "y", "screen.copy", "Copy", Scope.OVERVIEW,
           help="Copy the row as text to the clipboard of the terminal (OSC 52)"),
    Action("write", "Y", "screen.write", "Write", Scope.OVERVIEW,
           help="Write the pane as text to a file, and say where"),
    Action("alarms", "a", "screen.alarms", "Alarms", Scope.OVERVIEW, footer=True,
           help="Every alarm: since when, acknowledge, snooze (changes nothing on the cluster)"),
    Action("log", "e", "screen.log", "Log", Scope.OVERVIEW, footer=True, rank=6,
           help="The event log; e again: what changed in the last 10 minutes"),
    # Details
    Action("details-back", "escape", "screen.back", "Back", Scope.DETAILS, footer=True, rank=1,
           help="Back to where the details were opened"),
    Action("details-go", "", "", "Go to", Scope.DETAILS, shown_as="1-9",
           help="Details of what is listed under that number"),
    Action("details-freeze", "space", "screen.freeze", "Freeze", Scope.DETAILS, footer=True,
           help="Hold the details still, and catch up again; reading goes on"),
    Action("details-copy", "y", "screen.copy", "Copy", Scope.DETAILS, footer=True,
           help="Copy the details to the clipboard of the terminal (OSC 52)"),
    Action("details-write", "Y", "screen.write", "Write", Scope.DETAILS, footer=True,
           help="Write the details to a file, and say where"),
    Action("details-up", "up", "screen.scroll(-1)", "Scroll", Scope.DETAILS, shown_as="up/down",
           help="Scroll"),
    Action("details-down", "down", "screen.scroll(1)", "Scroll down", Scope.DETAILS,
           help="Scroll down"),
    Action("details-page-up", "pageup", "screen.page(-1)", "Page up", Scope.DETAILS, shown_as="page up",
           help="A screen up"),
    Action("details-page-down", "pagedown", "screen.page(1)", "Page down", Scope.DETAILS,
           shown_as="page down",
           help="A screen down"),
    Action("details-top", "home", "screen.edge(-1)", "Top", Scope.DETAILS,
           help="To the top"),
    Action("details-end", "end", "screen.edge(1)", "End", Scope.DETAILS,
           help="To the end"),
    # Plan of a switchover
    Action("plan-start", "", "", "Start", Scope.PLAN, shown_as="enter", changes=True,
           help="Start the switchover, after typing the node's name"),
    Action("plan-back", "escape", "screen.back", "Back", Scope.PLAN, footer=True, rank=1,
           help="Back to the overview; nothing is started"),
    Action("plan-again", "ctrl+r", "screen.again", "Check again", Scope.PLAN, footer=True,
           help="Read the checks again"),
    Action("plan-isolate", "ctrl+e", "screen.isolate", "Isolate", Scope.PLAN, footer=True, rank=2,
           help="The node is dead: plan to cut it off, or back to the switchover"),
    Action("plan-mode", "ctrl+o", "screen.mode", "Mode", Scope.PLAN, footer=True,
           help="How clients move: gradual, auto or quiesce"),
    Action("plan-pools", "ctrl+l", "screen.pools", "Session pools", Scope.PLAN, footer=True,
           help="Clients in session pools: wait, or fast-close"),
    Action("plan-end", "x", "screen.end_session", "End", Scope.PLAN, footer=True, rank=2, changes=True,
           help="End a session that a check names, then check again (asks first)"),
    Action("plan-paper", "ctrl+t", "screen.paper", "Paper", Scope.PLAN, footer=True, rank=6,
           help="Write the plan as shell commands to a file, and say where"),
    Action("plan-next", "", "", "Next field", Scope.PLAN, shown_as="tab", changes=True,
           help="From the name to the reason and the expected end (both optional)"),
    Action("plan-up", "up,pageup", "screen.scroll(-1)", "Scroll", Scope.PLAN, shown_as="up/down",
           help="Scroll the plan (also page up, page down)"),
    Action("plan-down", "down,pagedown", "screen.scroll(1)", "Scroll down", Scope.PLAN, shown_as="down",
           help="Scroll the plan down"),
    # Run under way
    Action("run-go", "g", "screen.say('go')", "Go on", Scope.RUN, footer=True, changes=True,
           help="End the hold: check the node and enable it again"),
    Action("run-abort", "a", "screen.say('abort')", "Abort", Scope.RUN, footer=True, changes=True,
           help="Put back what was changed (asks first)"),
    Action("run-wait", "w", "screen.say('wait')", "Wait", Scope.RUN, footer=True, changes=True,
           help="Give the step that waits more time"),
    Action("run-again", "d", "screen.say('again')", "Again", Scope.RUN, footer=True, changes=True,
           help="Send the step's commands again, when it offers that"),
    Action("run-end", "x", "screen.pick_holder", "End", Scope.RUN, footer=True, changes=True,
           help="End who holds the step up: pick a backend or a pool (asks first)"),
    Action("run-leave", "v", "screen.leave", "Leave", Scope.RUN, footer=True, changes=True,
           help="Leave the sessions there that the proof waits for, with a reason that you type"),
    Action("run-paper", "p", "screen.paper", "Paper", Scope.RUN, footer=True, rank=6,
           help="Write the rest of the run as shell commands to a file, done steps ticked"),
    Action("run-resume", "r", "screen.finish('resume')", "Resume", Scope.RUN, footer=True, changes=True,
           help="Go on with a run whose runner is gone (asks for the node's name)"),
    Action("run-undo", "u", "screen.finish('undo')", "Undo", Scope.RUN, footer=True, changes=True,
           help="Put back what a run whose runner is gone has changed (asks for the node's name)"),
    Action("run-switch-back", "s", "screen.switch_back", "Switch back", Scope.RUN, footer=True, changes=True,
           help="When the run is done: plan to take out the node that has the traffic now"),
    Action("run-back", "escape,b", "screen.back", "Overview", Scope.RUN, shown_as="b", footer=True, rank=1,
           help="Back to the overview; the run goes on"),
    # What a run left behind
    Action("left-resume", "r", "screen.finish('resume')", "Resume", Scope.LEFT, footer=True, changes=True,
           help="Go on from what is seen, after typing the node's name"),
    Action("left-undo", "u", "screen.finish('undo')", "Undo", Scope.LEFT, footer=True, changes=True,
           help="Put back what was changed, after typing the node's name"),
    Action("left-paper", "p", "screen.paper", "Paper", Scope.LEFT, footer=True, rank=6,
           help="Write what is left to do as shell commands to a file, done steps ticked"),
    Action("left-back", "escape", "screen.back", "Back", Scope.LEFT, footer=True, rank=1,
           help="Back; nothing is sent"),
    Action("left-up", "up,pageup", "screen.scroll(-1)", "Scroll", Scope.LEFT, shown_as="up/down",
           help="Scroll (also page up, page down)"),
    Action("left-down", "down,pagedown", "screen.scroll(1)", "Scroll down", Scope.LEFT, shown_as="down",
           help="Scroll down"),
    # List of clusters
    Action("clusters-open", "", "", "Open", Scope.CLUSTERS, shown_as="enter",
           help="Show the selected cluster"),
    Action("clusters-back", "escape", "screen.back", "Back", Scope.CLUSTERS, footer=True, rank=1,
           help="Back"),
    # Alarms
    Action("alarm-ack", "a", "screen.acknowledge", "Acknowledge", Scope.ALARMS, footer=True,
           help="Say that you know of the selected alarm, and why it may wait (also enter)"),
    Action("alarm-all", "A", "screen.acknowledge(True)", "All", Scope.ALARMS, footer=True,
           help="Acknowledge every alarm that nobody has acknowledged"),
    Action("alarm-period", "tab", "screen.period", "How long", Scope.ALARMS, footer=True,
           help="While the reason is typed: until it clears, for 15 minutes, for 1 hour"),
    Action("alarm-withdraw", "u", "screen.withdraw", "Take back", Scope.ALARMS, footer=True,
           help="Take the acknowledgement of the selected alarm back"),
    Action("alarm-log", "e", "screen.log", "Log", Scope.ALARMS, footer=True,
           help="What the event log has about the selected alarm"),
    Action("alarm-back", "escape", "screen.back", "Back", Scope.ALARMS, footer=True, rank=1,
           help="Back to where you were"),
    # Event log
    Action("log-search", "slash", "screen.search", "Search", Scope.LOG, footer=True,
           help="Events with this text"),
    Action("log-window", "e", "screen.window", "Last 10 min", Scope.LOG, footer=True,
           help="The last 10 minutes, the last hour, the last day, everything"),
    Action("log-level", "f", "screen.level", "Level", Scope.LOG, footer=True,
           help="All events, warnings and worse, or critical ones only"),
    Action("log-jump", "ctrl+g", "screen.jump", "Time", Scope.LOG, footer=True,
           help="Go to a time: 14:30, 03-04 14:30, or 2h for two hours ago"),
    Action("log-open", "", "", "Details", Scope.LOG, shown_as="enter", footer=True,
           help="Everything about the selected event, and what happened around it"),
    Action("log-back", "escape", "screen.back", "Back", Scope.LOG, footer=True, rank=1,
           help="Close, clear the filters, back"),
    # Questions
    Action("question-yes", "y", "screen.answer(True)", "Yes", Scope.QUESTION,
           help="Yes, do it"),
    Action("question-no", "n,escape,enter", "screen.answer(False)", "No", Scope.QUESTION, shown_as="n",
           help="No, go back (also esc and enter: no is the answer unless you say yes)"),
    # Replay of a recording
    Action("replay-pause", "p", "app.replay_pause", "Pause", Scope.REPLAY, footer=True, rank=1,
           help="Stand still, and go on"),
    Action("replay-on", "full_stop", "app.replay_step(1)", "Step", Scope.REPLAY,
           help="One snapshot on"),
    Action("replay-back", "comma", "app.replay_step(-1)", "Step back", Scope.REPLAY, shown_as=",",
           help="One snapshot back"),
    Action("replay-faster", "plus,equals_sign", "app.replay_speed(1)", "Faster", Scope.REPLAY, shown_as="+",
           help="Twice as fast, 64 times at most"),
    Action("replay-slower", "minus", "app.replay_speed(-1)", "Slower", Scope.REPLAY,
           help="Half as fast, a quarter at least"),
    Action("replay-jump", "ctrl+g", "app.replay_jump", "Jump", Scope.REPLAY, footer=True, rank=2,
           help="Go to a time (12:03, +5m, -30s, start, end) or to an event by its words"),
    Action("replay-next", "n", "app.replay_event(1)", "Next event", Scope.REPLAY,
           help="Go to the next event"),
    Action("replay-previous", "N", "app.replay_event(-1)", "Event before", Scope.REPLAY,
           help="Go to the event before"),
)
# fmt: on
MOTIONS = tuple(action for action in ACTIONS if action.id.startswith("go-"))
"""Moving with letters, as vi and less do. A screen's own key goes before these: `g` is "go on" in a run."""


def of(place: Scope) -> Iterator[Action]:
    """Return the actions of one place, in the order of the table."""
    return (action for action in ACTIONS if action.place is place)


def bindings(place: Scope) -> "list[BindingType]":
    """Return the bindings of one place."""
    return [action.binding() for action in of(place) if action.keys]


def motions() -> "list[BindingType]":
    """Return the keys that move in a list, for a modal screen: there the application's own do not work."""
    return [action.binding() for action in MOTIONS]


def word_action(word: str) -> Action | None:
    """Return the action that sends `word` to a run, at once or after a question; None when no key does."""
    does = (f"screen.say('{word}')", f"screen.{word}")
    return next((action for action in of(Scope.RUN) if action.does in does), None)

"""HAProxy's configuration file, as far as it says what a disabled or enabled server does to sessions. Pure.

By the configuration manual: `default-server` of a section holds for the `server` lines after it, a `defaults`
section for the sections after it up to the next one, or for those that name it with `from`. There is no word
that takes on-marked-down or on-marked-up back. What stands between .if and .endif, or comes from the
environment, cannot be told from the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from bdr_console.cluster.proxies import ProxyFile, ServerOptions, StateLoad
from bdr_console.cluster.text import clean

_SECTIONS = (
    "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "mailers", "userlist",
    "http-errors", "cache", "ring", "log-forward", "log-profile", "program", "fcgi-app", "crt-store",
    "traces", "acme",
)  # fmt: skip
_MOST_TEMPLATE = 1000
"""Servers of one server-template that are told one by one."""
_LONGEST_NAME = 200
_QUOTING = re.compile(r"[\\\"']")
_OF_ENVIRONMENT = "\0"
"""Stands in a word for what the environment, or another variable, puts there."""


@dataclass(frozen=True, slots=True)
class _Options:
    """What `default-server` and `server` lines have said so far."""

    cut_when_down: int | None = None
    cuts_backups_when_up: int | None = None
    unknown: str = ""

    def with_words(self, words: list[str], line: int, why: str) -> "_Options":
        """The same with the options of one more line; `why` it may not hold."""
        new = self
        for word, value in zip_longest(words, words[1:]):
            if _OF_ENVIRONMENT in word:
                why = why or f"line {line} takes options from the environment"
            elif (word, value) == ("on-marked-down", "shutdown-sessions"):
                new = replace(new, cut_when_down=line)
            elif (word, value) == ("on-marked-up", "shutdown-backup-sessions"):
                new = replace(new, cuts_backups_when_up=line)
        changes = new != self or any(_OF_ENVIRONMENT in word for word in words)
        return replace(new, unknown=self.unknown or why) if changes else self


@dataclass(slots=True)
class _Defaults:
    """What a proxy section begins with."""

    options: _Options = _Options()
    state: str = "none"
    """The word of load-server-state-from-file."""
    unknown: str = ""


@dataclass(slots=True)
class _Section:
    """The section that is being read."""

    kind: str = ""
    name: str = ""
    options: _Options = _Options()
    state: str = "none"
    state_file: str | None = None
    """The word of server-state-file-name; empty for the backend's own name."""
    unknown: str = ""
    """Why what it says may not hold."""


@dataclass(slots=True)
class _Parsed:
    servers: list[ServerOptions] = field(default_factory=list)
    sections: list[_Section] = field(default_factory=list)
    global_file: str | None = None
    global_unknown: str = ""


def parse_haproxy_config(text: str, path: str) -> ProxyFile:
    """What the file of that name says of servers and of their states. Never raises: a line that is not
    understood is passed over, as most of them say nothing of this."""
    parsed = _Parsed()
    defaults: dict[str, _Defaults] = {}
    latest = _Defaults()
    section = _Section()
    open_ifs: list[int] = []
    for number, words in _lines(text):
        word = words[0]
        if word == ".if":
            open_ifs.append(number)
        elif word == ".endif":
            del open_ifs[-1:]
        why = f"line {number} stands between the .if of line {open_ifs[0]} and its .endif" if open_ifs else ""
        if word in _SECTIONS:
            if section.kind == "defaults":
                latest = _Defaults(section.options, section.state, section.unknown)
                defaults[section.name] = latest
            section = _begin(words, number, defaults, latest, why)
            parsed.sections.append(section)
        else:
            _take(parsed, section, words, number, why)
    states = tuple(
        _state(parsed, section) for section in parsed.sections if section.kind in ("backend", "listen")
    )
    return ProxyFile(path, tuple(parsed.servers), states)


def _begin(
    words: list[str], number: int, defaults: dict[str, _Defaults], latest: _Defaults, why: str
) -> _Section:
    kind, *rest = words
    name = rest[0] if rest and rest[0] != "from" else ""
    given = latest if kind in ("backend", "listen") else _Defaults()
    if "from" in rest[:-1]:
        source = rest[rest.index("from") + 1]
        missing = _Defaults(unknown=f"line {number} names the defaults '{_shown(source)}', not there")
        given = defaults.get(source, missing)
    return _Section(kind, name, given.options, given.state, None, given.unknown or why)


def _take(parsed: _Parsed, section: _Section, words: list[str], number: int, why: str) -> None:
    """One line within a section."""
    word, *rest = words
    why = section.unknown or why
    if section.kind == "global":
        if word == "server-state-file" and rest:
            parsed.global_file, parsed.global_unknown = rest[0], why or _environment(rest[:1], number)
        return
    if section.kind not in ("defaults", "backend", "listen"):
        return
    match word:
        case "default-server":
            section.options = section.options.with_words(rest, number, why)
        case "server" if section.kind != "defaults" and len(rest) > 1:
            options = section.options.with_words(rest[2:], number, "")
            unknown = why or options.unknown or _environment(rest[:1], number) or _several(rest[1], number)
            parsed.servers.append(_server(section, rest[0], options, unknown))
        case "server-template" if section.kind != "defaults" and len(rest) > 2:
            options = section.options.with_words(rest[3:], number, "")
            unknown = why or options.unknown or _environment(rest[:2], number) or _several(rest[2], number)
            names = _template(rest[0], rest[1])
            parsed.servers += [_server(section, name, options, unknown) for name in names]
        case "load-server-state-from-file" if rest:
            section.state = rest[0]
            section.unknown = section.unknown or why
        case "server-state-file-name":
            section.state_file = rest[0] if rest and rest[0] != "use-backend-name" else ""


def _server(section: _Section, name: str, options: _Options, unknown: str) -> ServerOptions:
    return ServerOptions(section.name, name, options.cut_when_down, options.cuts_backups_when_up, unknown)


def _template(prefix: str, numbers: str) -> list[str]:
    """`srv 3` and `srv 2-4` -> the servers' names."""
    match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", numbers)
    if match is None:
        return []
    first, last = (1, int(match[1])) if match[2] is None else (int(match[1]), int(match[2]))
    return [f"{prefix}{number}" for number in range(first, min(last, first + _MOST_TEMPLATE - 1) + 1)]


def _state(parsed: _Parsed, section: _Section) -> StateLoad:
    if section.unknown:
        return StateLoad(section.name, None, section.unknown)
    if section.state == "local":
        return StateLoad(section.name, section.state_file or section.name)
    if section.state == "global":
        return StateLoad(section.name, parsed.global_file, parsed.global_unknown)
    return StateLoad(section.name, None)


def _environment(words: list[str], number: int) -> str:
    found = any(_OF_ENVIRONMENT in word for word in words)
    return f"line {number} takes a name from the environment" if found else ""


def _several(address: str, number: int) -> str:
    """`"${NAME[*]}"` stands for any number of words."""
    found = _OF_ENVIRONMENT in address and "[*]" in address
    return f"line {number} takes options from the environment" if found else ""


def _shown(word: str) -> str:
    return clean(word.replace(_OF_ENVIRONMENT, "$"), _LONGEST_NAME)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, words) of each line that has any."""
    for number, line in enumerate(text.split("\n"), 1):
        if words := _words(line):
            yield number, words


def _words(line: str) -> list[str]:
    r"""One line's words: '...' as it stands, "..." with \ and $, elsewhere \ and the comment."""
    if not _QUOTING.search(line):
        return line.partition("#")[0].split()
    words: list[str] = []
    word: list[str] = []
    begun, quote, at = False, "", 0
    while at < len(line):
        sign = line[at]
        at += 1
        if sign == "\\" and quote != "'" and at < len(line):
            word.append(line[at])
            begun = True
            at += 1
        elif quote:
            if sign == quote:
                quote = ""
            else:
                word.append(_OF_ENVIRONMENT if sign == "$" and quote == '"' else sign)
        elif sign in "\"'":
            quote, begun = sign, True
        elif sign == "#":
            break
        elif sign.isspace():
            if begun:
                words.append("".join(word))
            word, begun = [], False
        else:
            word.append(sign)
            begun = True
    return [*words, "".join(word)] if begun else words

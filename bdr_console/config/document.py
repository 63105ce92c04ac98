"""One YAML file as a tree of nodes that know their places, with its references resolved."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from bdr_console.cluster.text import clean
from bdr_console.config.mistakes import Mistake, Where, at
from bdr_console.config.references import resolved

LARGEST = 1024 * 1024
"""Bytes of one file: a hundred clusters are a tenth of it; a wrong file is refused before it costs memory."""
_MOST_PARTS = 200_000
"""Keys and values with all aliases followed: a few lines can stand for more than fits into memory."""
_TEXT, _MAP, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:merge"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SAYINGS = (
    ("'\\t'", "a tab stands here: YAML wants blanks for indentation"),
    (
        "mapping values are not allowed",
        "a ':' where none can stand: check the indentation, or quote the text",
    ),
    ("could not find expected ':'", "this key has no ':' after it"),
    ("expected <block end>", "this line is indented otherwise than those above it"),
    ("but found '<stream end>'", "the file ends where a value, a ']' or a '}' is missing"),
    ("expected ',' or", "a ',' or the closing bracket is missing before this"),
    ("found another document", "a second document begins here: one file holds one"),
    ("found unexpected end of stream", "the file ends inside a quoted text"),
    ("could not determine a constructor", "a YAML tag that a configuration does not use"),
)


class Document:
    """One file. `root` is None when it is empty or no tree could be made of it; `mistakes` says why."""

    def __init__(
        self, path: Path, environment: Mapping[str, str] = os.environ, *, shipped: bool = False
    ) -> None:
        """`shipped` is for files of our own: libyaml is ten times as fast, but its words for a mistake are
        others, and a file that is nested deeply enough ends the program."""
        self.path = path
        self._kind = yaml.CSafeLoader if shipped and yaml.__with_libyaml__ else yaml.SafeLoader
        self.mistakes: list[Mistake] = []
        self.root: yaml.Node | None = None
        self._environment = environment
        self._seen: set[int] = set()
        text = self._read()
        if text is None:
            return
        self._loader = yaml.SafeLoader("")
        try:
            self.root = self._composed(text)
            if self.root is not None and _too_many(self.root):
                self.root = None
                said = "its YAML aliases (*name) stand for too much, or for themselves"
                self.mistakes.append(self._whole(f"{said}: write the values where they belong"))
            if self.root is not None:
                self._walk(self.root, ())
        except yaml.YAMLError as error:
            self.root = None
            self.mistakes.append(self._syntax(text, error))
        except RecursionError:
            self.root = None
            self.mistakes.append(self._whole("is nested too deeply to be a configuration"))

    def _whole(self, text: str) -> Mistake:
        return Mistake(str(self.path), 0, 0, "", text)

    def _read(self) -> str | None:
        if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
            self.mistakes.append(self._whole("cannot be read: it is no regular file"))  # a pipe would block
            return None
        try:
            with self.path.open("rb") as file:
                raw = file.read(LARGEST + 1)
        except OSError as error:
            self.mistakes.append(self._whole(f"cannot be read: {error.strerror}"))
            return None
        if len(raw) > LARGEST:
            self.mistakes.append(self._whole("is larger than 1 MiB: this is no configuration"))
            return None
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = raw[: error.start]
            line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
            said = f"the byte 0x{raw[error.start]:02x} is not UTF-8 text: save the file as UTF-8"
            self.mistakes.append(Mistake(str(self.path), line, column, "", said))
            return None

    def _composed(self, text: str) -> yaml.Node | None:
        loader = self._kind(text)
        if isinstance(loader, yaml.SafeLoader):
            loader.name = str(self.path)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()

    def _syntax(self, text: str, error: yaml.YAMLError) -> Mistake:
        mark = getattr(error, "problem_mark", None)
        said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "this is not YAML")
        told = next((saying for sign, saying in _SAYINGS if sign in said), said)
        if isinstance(mark, yaml.Mark):
            return at(mark, (), told)
        position = getattr(error, "position", None)
        if isinstance(position, int):  # a character that YAML forbids
            before = text[:position]
            line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
            character = f"the control character 0x{ord(text[position]):02x} may not stand in a YAML file"
            return Mistake(str(self.path), line, column, "", character)
        return self._whole(clean(told, 500))

    def _walk(self, node: yaml.Node, where: Where) -> None:
        """Look at every node once, its parts first: aliases may lead to one node a million times."""
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            self._scalar(node, where)
        elif isinstance(node, yaml.SequenceNode):
            for i, part in enumerate(node.value):
                self._walk(part, (*where, i))
        elif isinstance(node, yaml.MappingNode):
            known: dict[str, yaml.Node] = {}
            for key, value in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                if name in known and key.tag != _MERGE:
                    first = known[name].start_mark.line + 1
                    self.mistakes.append(
                        at(key.start_mark, (*where, name), f"stands twice, first in line {first}")
                    )
                known[name] = key
                if isinstance(key, yaml.ScalarNode):
                    self._typed(key, (*where, name))
                self._walk(value, (*where, name))
            if any(key.tag == _MERGE for key, _ in node.value):
                self._loader.flatten_mapping(node)
                node.value = list({str(key.value): (key, value) for key, value in node.value}.values())

    def _scalar(self, node: yaml.ScalarNode, where: Where) -> None:
        if _CONTROL.search(node.value):
            self.mistakes.append(at(node.start_mark, where, "holds a control character"))
            node.value = _CONTROL.sub("", node.value)
        if node.tag == _TEXT and "${" in node.value:
            node.value, wrong = resolved(node.value, self._environment)
            self.mistakes += [at(node.start_mark, where, text) for text in wrong]
            return
        self._typed(node, where)

    def _typed(self, node: yaml.ScalarNode, where: Where) -> None:
        """A scalar that YAML cannot make what it looks like (a date that is none), or what its tag says."""
        if node.tag in (_TEXT, _MERGE):
            return
        try:
            yaml.SafeLoader("").construct_object(node)
        except (ValueError, OverflowError, KeyError, AttributeError):  # PyYAML's constructors trust the tag
            kind = re.sub(r".*:", "", node.tag)
            text = f"looks like a YAML {kind} and is none: put it in quotes"
            self.mistakes.append(at(node.start_mark, where, text))
            node.tag = _TEXT


def _too_many(root: yaml.Node) -> bool:
    """Whether the file has more parts than any configuration, aliases followed."""
    ahead, seen = [root], 0
    while ahead and seen <= _MOST_PARTS:
        node = ahead.pop()
        seen += 1
        if isinstance(node, yaml.SequenceNode):
            ahead += node.value
        elif isinstance(node, yaml.MappingNode):
            ahead += [part for pair in node.value for part in pair]
    return bool(ahead)


def mapping(pairs: list[tuple[yaml.Node, yaml.Node]], like: yaml.Node) -> yaml.MappingNode:
    """A mapping that claims to stand where `like` stands."""
    return yaml.MappingNode(_MAP, pairs, like.start_mark, like.end_mark)


def scalar(text: str, like: yaml.Node) -> yaml.ScalarNode:
    """A key that claims to stand where `like` stands."""
    return yaml.ScalarNode(_TEXT, text, like.start_mark, like.end_mark)

"""Mistakes in a configuration: where each stands, which key it is, and what was expected there."""

import difflib
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from bdr_console.cluster.text import clean
from bdr_console.config.model import Settings
from bdr_console.config.values import NO_LITERAL

Where = tuple[str | int, ...]
"""The keys (and list positions) that lead to a value."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake. `line` and `column` count from 1; 0 stands for the file as a whole."""

    file: str
    line: int
    column: int
    key: str
    """`clusters.shop.nodes.node1.dsn`; empty where there is no key to name."""
    text: str

    @property
    def place(self) -> str:
        """`file:line:column`, as editors take it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.text}" if self.key else f"{self.place}: {self.text}"


def at(mark: yaml.Mark, where: Where, text: str) -> Mistake:
    """A mistake where `mark` points to."""
    key = ".".join(clean(str(part), 80) for part in where)
    return Mistake(str(mark.name), mark.line + 1, mark.column + 1, key, clean(text, 500))


def mark_of(root: yaml.Node, where: Where) -> yaml.Mark:
    """The place of the deepest part of `where` that stands in the file."""
    node, mark = root, root.start_mark
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in reversed(node.value) if str(pair[0].value) == str(part)), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
    return mark


def of_validation(
    root: yaml.Node, error: ValidationError, model: type[BaseModel] = Settings
) -> list[Mistake]:
    """Every mistake that the model found; what `defaults` says wrongly is told once."""
    found: list[Mistake] = []
    meant: set[Where] = set()
    """Keys that are not missing but misspelt."""
    items = error.errors(include_url=False, include_context=True, include_input=True)
    for item in sorted(items, key=lambda item: item["type"] != "extra_forbidden"):
        where = tuple(part for part in item["loc"] if part != "[key]")
        if item["type"] == "extra_forbidden":
            text, near = _unknown(where, model)
            if near:
                meant.add((*where[:-1], near))
        elif item["type"] == "missing":
            if where in meant:
                continue
            text = "this key is required and missing"
        else:
            text = _expected(dict(item))
        mistake = at(mark_of(root, where), where, text)
        inherited = len(where) > 2 and where[0] == "clusters" and mistake.line
        if not (inherited and any(_same(mistake, other) for other in found)):
            found.append(mistake)
    return found


def _same(one: Mistake, other: Mistake) -> bool:
    return (one.place, one.text) == (other.place, other.text)


def _unknown(where: Where, model: type[BaseModel]) -> tuple[str, str]:
    """What to say of an unknown key, and the known one that was probably meant."""
    known = _known_keys(where[:-1], model)
    if str(where[-1]) in ("password", "sslpassword", "passwd") and "password_file" in known:
        return f"a password does not belong in this file: {NO_LITERAL}", ""
    near = difflib.get_close_matches(str(where[-1]), known, n=1)
    if near:
        return f"unknown key; did you mean '{near[0]}'?", near[0]
    return f"unknown key; known here: {', '.join(known)}", ""


def _known_keys(where: Where, model: type[BaseModel]) -> list[str]:
    """The keys that the section at `where` knows."""
    kind: Any = model
    for part in where:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        else:
            kind = get_args(kind)[1] if get_origin(kind) is dict else None
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [field.alias or name for name, field in kind.model_fields.items()]


def _expected(item: dict[str, Any]) -> str:
    """What the model wanted to see, in words that need no knowledge of it. No value is repeated."""
    kind, context = str(item["type"]), item.get("ctx", {})
    if item.get("input", "") is None:
        return "is empty: give it a value, or remove the key"
    said = {
        "string_type": "must be text: put it in quotes",
        "dict_type": "must be a section: keys with values",
        "model_type": "must be a section: keys with values",
        "tuple_type": "must be a list: [one, another]",
        "too_short": "must have at least one entry",
        "finite_number": "must be a finite number",
        "recursion_loop": "holds itself",
    }
    limits = {
        "greater_than_equal": ("at least", "ge"),
        "greater_than": ("more than", "gt"),
        "less_than_equal": ("at most", "le"),
        "less_than": ("less than", "lt"),
    }
    if kind in limits:
        word, name = limits[kind]
        return f"must be {word} {context[name]:g}"
    if kind.startswith(("float", "int")):
        return "must be a whole number" if kind.startswith("int") else "must be a number"
    if kind == "literal_error":
        return f"must be one of {str(context['expected']).replace(chr(39), '')}"
    message = said.get(kind) or str(item["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}"

"""The configuration told to others: the JSON Schema for editors, and the settings in force as YAML."""

import ast
import inspect
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import yaml

from bdr_console.config import model
from bdr_console.config.model import Settings

_REFERENCE = {"type": "string", "pattern": r"\$\{"}


def schema() -> str:
    """The JSON Schema of a configuration file, as text that ends with a newline."""
    made = _documented(Settings.model_json_schema())
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_with_references(made),
        "title": "bdr-console configuration",
    }
    return json.dumps(told, indent=2, sort_keys=False) + "\n"


def _documented(made: dict[str, Any]) -> dict[str, Any]:
    """With the string below each field as its description.

    Pydantic could read them itself, but does so whenever the program starts.
    """
    documents = dict(_documents())
    for name, section in {**made["$defs"], Settings.__name__: made}.items():
        lineage = [documents.get(parent.__name__, {}) for parent in getattr(model, name, object).__mro__]
        for key, told in section.get("properties", {}).items():
            if text := next((found[key] for found in lineage if key in found), None):
                section["properties"][key] = dict(sorted({**told, "description": text}.items()))
    return made


def _documents() -> Iterator[tuple[str, dict[str, str]]]:
    """By class of the model: by field the string below it."""
    for part in ast.parse(inspect.getsource(model)).body:
        if isinstance(part, ast.ClassDef):
            found = {}
            for field, below in pairwise(part.body):
                match field, below:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ):
                        found[name] = inspect.cleandoc(text)
            yield part.name, found


def _with_references(part: Any) -> Any:
    """A ${REFERENCE} may stand for any number."""
    if isinstance(part, list):
        return [_with_references(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") in ("number", "integer"):
        limits = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "type")
        rest = {key: value for key, value in part.items() if key not in limits}
        number = {key: value for key, value in part.items() if key in limits}
        return {**rest, "anyOf": [number, _REFERENCE]}
    return {key: _with_references(value) for key, value in part.items()}


def shown(settings: Settings, cluster: str | None = None) -> str:
    """Every setting in force, defaults included, as a file that could be loaded again.

    `include` and `defaults` are worked in; what has no value is left out. A password cannot be among it: the
    model takes none. With `cluster` only that one; raises ConsoleError when there is none of that name.
    """
    told = settings.model_dump(mode="json", exclude={"include", "defaults"}, exclude_none=True)
    if cluster is not None:
        settings.cluster(cluster)
        told["clusters"] = {cluster: told["clusters"][cluster]}
    return str(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=200))

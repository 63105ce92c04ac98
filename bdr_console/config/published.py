"""The configuration told to others: the JSON Schema for editors, and the settings in force as YAML."""

import json
from typing import Any

import yaml

from bdr_console.config.model import Settings

_REFERENCE = {"type": "string", "pattern": r"\$\{"}


def schema() -> str:
    """The JSON Schema of a configuration file, as text that ends with a newline."""
    made = Settings.model_json_schema()
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_with_references(made),
        "title": "bdr-console configuration",
    }
    return json.dumps(told, indent=2, sort_keys=False) + "\n"


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

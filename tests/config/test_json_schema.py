"""The example names every key, the published schema is the model's, and what is shown can be loaded again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from bdr_console.config import ConfigurationError, Settings, load
from bdr_console.config.json_schema import schema, shown
from bdr_console.config.model import ClusterSettings, NodeSettings, SshHostSettings
from bdr_console.errors import ConsoleError
from tests.config.files import GOOD, write

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"


def sections(kind: Any) -> Iterator[type[BaseModel]]:
    """Every section that can stand below one of that type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from sections(field.annotation)
    elif get_origin(kind) in (dict, tuple, Union, UnionType):
        for part in get_args(kind):
            yield from sections(part)


def test_the_example_is_a_valid_configuration() -> None:
    name, cluster = load(EXAMPLE).cluster(None)
    assert name == "shop"
    assert list(cluster.nodes) == ["node1", "node2", "node3"]
    assert cluster.thresholds.lag_bytes_warn == 10 * 1024 * 1024


def test_the_example_names_every_key() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    found = {*sections(Settings)}
    assert {ClusterSettings, NodeSettings, SshHostSettings} <= found
    missing = {
        f"{section.__name__}.{name}"
        for section in found
        for name in section.model_fields
        if not re.search(rf"(^|[\s#{{,]){name}:", text, re.MULTILINE)
    }
    assert missing == set()


def test_the_example_shows_the_defaults() -> None:
    """Where it does not say `default:` itself, the value it shows is the default."""
    told = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    bare = load_text("clusters: {shop: {nodes: {n1: {dsn: host=a}}}}").clusters["shop"]
    assert load(EXAMPLE).clusters["shop"].thresholds == bare.thresholds
    assert load(EXAMPLE).clusters["shop"].quiesce == bare.quiesce
    assert load(EXAMPLE).clusters["shop"].alarms == bare.alarms
    assert set(told["clusters"]["shop"]["thresholds"]) == set(type(bare.thresholds).model_fields)
    assert set(told["clusters"]["shop"]["alarms"]) == set(type(bare.alarms).model_fields)


def load_text(text: str) -> Settings:
    return Settings.model_validate(yaml.safe_load(text))


def test_the_examples_commented_keys_are_valid_too(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    key = re.compile(r"^(\s*)# ((?:  )*)([a-z_]+:(?: .*)?|[a-z]+:)$")
    opened = [key.sub(r"\1\2\3", line) for line in lines]
    text = "\n".join(line for line in opened if "password_command:" not in line and "include:" not in line)
    assert "proxy_jump: gate" in text
    settings = load(write(tmp_path, text))
    assert settings.defaults.environment == "prod"
    assert settings.clusters["shop"].ssh.hosts["bastion"].port == 22


def test_the_published_schema_is_current() -> None:
    published = (ROOT / "docs/config.schema.json").read_text(encoding="utf-8")
    assert published == schema(), "bdr-console config schema > docs/config.schema.json"
    told = json.loads(published)
    for section in told["$defs"].values():
        assert section["additionalProperties"] is False
        assert all("description" in part for part in section["properties"].values()), section["title"]


def test_what_is_shown_can_be_loaded_again_and_is_the_same(tmp_path: Path) -> None:
    text = "defaults: {environment: prod}\n" + GOOD
    write(tmp_path, GOOD.replace("shop", "other"), "other.yaml")
    settings = load(write(tmp_path, f"include: other.yaml\n{text}"))
    again = load(write(tmp_path, shown(settings), "again.yaml"))
    assert again.clusters == settings.clusters
    assert "environment: prod" in shown(settings)
    assert list(load(write(tmp_path, shown(settings, "other"), "one.yaml")).clusters) == ["other"]
    with pytest.raises(ConsoleError, match="no cluster named 'shpo'"):
        shown(settings, "shpo")


def test_the_schema_and_the_loader_agree_on_what_is_required(tmp_path: Path) -> None:
    told = json.loads(schema())
    assert told["required"] == ["clusters"]
    assert told["$defs"]["NodeSettings"]["required"] == ["dsn"]
    with pytest.raises(ConfigurationError, match="clusters: this key is required"):
        load(write(tmp_path, "theme: dark"))


def test_a_refused_value_is_not_repeated_by_the_models_own_error() -> None:
    with pytest.raises(ValueError, match="holds a password") as caught:
        load_text("clusters: {shop: {nodes: {n1: {dsn: host=a password=hunter2}}}}")
    assert "hunter2" not in f"{caught.value} {caught.value!r}"

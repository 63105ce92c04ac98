"""The configuration: one YAML file (and what it includes), checked as a whole before anything starts."""

from bdr_console.config.load import ConfigurationError, Loaded, find, load, opened, read, search_path
from bdr_console.config.mistakes import Mistake
from bdr_console.config.model import (
    DIRECT,
    ClusterSettings,
    EngineWord,
    NodeSettings,
    PoolerSettings,
    ProxySettings,
    Settings,
    SshHostSettings,
    SshSettings,
)

__all__ = [
    "DIRECT",
    "ClusterSettings",
    "ConfigurationError",
    "EngineWord",
    "Loaded",
    "Mistake",
    "NodeSettings",
    "PoolerSettings",
    "ProxySettings",
    "Settings",
    "SshHostSettings",
    "SshSettings",
    "find",
    "load",
    "opened",
    "read",
    "search_path",
]

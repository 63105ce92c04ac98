"""A configuration and the files it includes as one tree, with `defaults` poured into every cluster."""

import glob
from pathlib import Path

import yaml

from bdr_console.config.document import Document, mapping, scalar
from bdr_console.config.mistakes import Mistake, at

_MOST_FILES = 1000


class Gathered:
    """The whole configuration as one tree; every node knows the file it stands in."""

    def __init__(self, path: Path) -> None:
        self.files: list[Path] = []
        self.mistakes: list[Mistake] = []
        self._clusters: list[tuple[yaml.Node, yaml.Node]] = []
        self._known: dict[str, yaml.Node] = {}
        self.root = self._main(path)

    def _main(self, path: Path) -> yaml.Node | None:
        root = self._document(path)
        if not isinstance(root, yaml.MappingNode):
            return root
        self._gather(root, path, (path.resolve(),))
        rest = [pair for pair in root.value if pair[0].value != "clusters"]
        key = next((key for key, _ in root.value if key.value == "clusters"), None)
        own = _value(root, "clusters")
        if own is not None and not isinstance(own, yaml.MappingNode):
            return root
        if own is None and not self._clusters:
            return root
        defaults = _value(root, "defaults")
        poured = [(name, _poured(cluster, defaults)) for name, cluster in self._clusters]
        return mapping([*rest, (key or scalar("clusters", root), mapping(poured, own or root))], root)

    def _document(self, path: Path) -> yaml.Node | None:
        document = Document(path)
        self.files.append(path)
        self.mistakes += document.mistakes
        if document.root is None and not document.mistakes:
            self.mistakes.append(Mistake(str(path), 0, 0, "", "is empty"))
        return document.root

    def _gather(self, root: yaml.MappingNode, path: Path, chain: tuple[Path, ...]) -> None:
        clusters = _value(root, "clusters")
        if isinstance(clusters, yaml.MappingNode):
            for key, cluster in clusters.value:
                self._cluster(key, cluster)
        include = _value(root, "include")
        wanted = include.value if isinstance(include, yaml.SequenceNode) else [include]
        for pattern in wanted:
            if isinstance(pattern, yaml.ScalarNode) and pattern.value:
                for found in self._matches(pattern, path):
                    self._included(found, pattern, chain)

    def _cluster(self, key: yaml.Node, cluster: yaml.Node) -> None:
        name = str(key.value)
        first = self._known.setdefault(name, key)
        if first is not key and first.start_mark.name != key.start_mark.name:
            there = f"{first.start_mark.name}:{first.start_mark.line + 1}"
            self.mistakes.append(
                at(key.start_mark, ("clusters", name), f"there is a cluster of this name already: {there}")
            )
            return
        self._clusters.append((key, cluster))

    def _matches(self, pattern: yaml.ScalarNode, path: Path) -> list[Path]:
        base = path.parent
        named = Path(pattern.value).expanduser()
        if glob.has_magic(pattern.value):
            found = sorted(Path(match) for match in glob.glob(str(base / named), recursive=False))  # noqa: PTH207
        else:
            found = [base / named] if (base / named).exists() else []
        if not found:
            self.mistakes.append(at(pattern.start_mark, ("include",), f"no file matches: {base / named}"))
        return found

    def _included(self, path: Path, pattern: yaml.ScalarNode, chain: tuple[Path, ...]) -> None:
        if path.resolve() in chain:
            way = " -> ".join(part.name for part in (*chain, path))
            self.mistakes.append(at(pattern.start_mark, ("include",), f"the file includes itself: {way}"))
            return
        if len(self.files) >= _MOST_FILES:
            self.mistakes.append(at(pattern.start_mark, ("include",), f"more than {_MOST_FILES} files"))
            return
        root = self._document(path)
        if root is None:
            return
        if not isinstance(root, yaml.MappingNode):
            self.mistakes.append(at(root.start_mark, (), "must be a section: keys with values"))
            return
        for key, value in root.value:
            if key.value not in ("clusters", "include"):
                text = "only clusters and include may stand in an included file"
                self.mistakes.append(at(key.start_mark, (str(key.value),), text))
            elif key.value == "clusters" and not isinstance(value, yaml.MappingNode):
                self.mistakes.append(at(key.start_mark, ("clusters",), "must be a section: keys with values"))
        self._gather(root, path, (*chain, path.resolve()))


def _value(node: yaml.Node, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in reversed(node.value) if key.value == name), None)


def _poured(node: yaml.Node, defaults: yaml.Node | None) -> yaml.Node:
    """The section with what only `defaults` says added to it, level by level."""
    if not isinstance(node, yaml.MappingNode) or not isinstance(defaults, yaml.MappingNode):
        return node
    own = {str(key.value) for key, _ in node.value}
    kept = [(key, _poured(value, _value(defaults, str(key.value)))) for key, value in node.value]
    return mapping([*kept, *(pair for pair in defaults.value if str(pair[0].value) not in own)], node)

"""The shape of the package: names stand for one thing, files are of a size to read, imports run in no circle.

What is not there yet stands in a list here, and a list may only shrink.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "bdr_console"
LONGEST = 450
STILL_LONGER: set[str] = set()
CLASSES_STILL_TWICE = {
    "Act", "Holder", "Login", "Offer", "Part", "Reading", "Section",
    "Target", "_Seen",
}  # fmt: skip
IN_NO_NAME = {"told", "said", "heard", "asked"}
"""Words that had many meanings each; no name is made of them (`told_at`), and none is `seen`."""
STILL_RETIRED = 431
"""How many such names there are at the most."""
IMPORTS_STILL_UPWARD: set[tuple[str, str]] = set()
"""What would close a circle, and is known."""


@cache
def modules() -> dict[str, ast.Module]:
    """The package's modules by their path below it."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_no_module_is_longer_than_one_reads_at_a_time() -> None:
    long = {
        name for name in modules() if len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert long <= STILL_LONGER


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in CLASSES_STILL_TWICE} == {}


def test_imports_run_in_no_circle() -> None:
    known = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in modules()}
    graph = {}
    for dotted, name in known.items():
        imported = set(_imports(modules()[name], known)) - {dotted}
        graph[dotted] = {other for other in imported if (dotted, other) not in IMPORTS_STILL_UPWARD}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"these import each other: {' <- '.join(error.args[1])}") from None


def _imports(tree: ast.Module, known: dict[str, str]) -> Iterator[str]:
    """Modules of ours that a module loads as it is loaded; what a function imports when it runs is not among
    them, nor what only types need."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        match node:
            case ast.Import(names=names):
                yield from (
                    n.name.removeprefix("bdr_console.") for n in names if n.name.startswith("bdr_console.")
                )
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "bdr_console":
                parent = module.removeprefix("bdr_console").removeprefix(".")
                for n in names:
                    inner = f"{parent}.{n.name}" if parent else n.name
                    if inner in known:
                        yield inner
                    elif parent in known:
                        yield parent
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pass
            case ast.If(body=body, orelse=orelse):
                pending += [*body, *orelse]
            case ast.Try(body=body):
                pending += body


def test_names_use_no_retired_word() -> None:
    found = [
        f"{path}: {name}"
        for path, tree in modules().items()
        for name in _named(tree)
        if name.strip("_").lower() == "seen" or not IN_NO_NAME.isdisjoint(name.lower().split("_"))
    ]
    assert len(found) <= STILL_RETIRED, "\n".join(found)


def _named(tree: ast.Module) -> Iterator[str]:
    """Every name that a module gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case (
                ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield name


def test_a_circle_is_found() -> None:
    tree = ast.parse("import bdr_console.a\nfrom bdr_console import b\nfrom bdr_console.c import d, e")
    assert set(_imports(tree, dict.fromkeys(["a", "b", "c", "c.d"], ""))) == {"a", "b", "c", "c.d"}

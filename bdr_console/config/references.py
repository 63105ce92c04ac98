"""`${NAME}` and `${NAME:-default}` in the text of a configuration stand for environment variables."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_FORM = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def resolved(text: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with its references replaced, and what is wrong with those that could not be. Pure.

    As in a shell a default also holds for a variable that is set and empty. `$${` is a literal `${`.
    What a variable holds is not looked at again.
    """
    wrong: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        form = _FORM.fullmatch(match[1])
        if not match[2] or form is None:
            wrong.append(
                "holds a '${' that is no reference: write ${NAME}, ${NAME:-default}, or $${ for itself"
            )
            return match[0]
        name, default = form[1], form[2]
        found = environment.get(name)
        if found is None and default is None:
            wrong.append(f"the environment variable {name} is not set: set it, or write ${{{name}:-default}}")
            return match[0]
        return found or default or ""

    return _REFERENCE.sub(value, text), wrong

"""What changed between two JSON values, and the newer one made again from it. Pure.

A patch of a mapping is a mapping with what changed; of a list of the same length, a mapping by index;
anything else is replaced. `{"=": value}` stands for a mapping that is not a patch.
"""

from typing import Any

_WHOLE = "="


def difference(before: Any, after: Any) -> Any:
    """The patch from `before` to `after`, which are not equal."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return {key: difference(before[key], value) for key, value in after.items() if value != before[key]}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return {
            str(i): difference(old, new)
            for i, (old, new) in enumerate(zip(before, after, strict=True))
            if old != new
        }
    return {_WHOLE: after} if isinstance(after, dict) else after


def patched(before: Any, patch: Any) -> Any:
    """What `difference` was made from; raises ValueError for a patch that does not fit."""
    if not isinstance(patch, dict):
        return patch
    if patch.keys() == {_WHOLE}:
        return patch[_WHOLE]
    if isinstance(before, dict):
        if not patch.keys() <= before.keys():
            raise ValueError("a change of something that is not there")
        return {**before, **{key: patched(before[key], part) for key, part in patch.items()}}
    if isinstance(before, list):
        made = list(before)
        for index, part in patch.items():
            place = int(index) if index.isascii() and index.isdigit() else len(made)
            if place >= len(made):
                raise ValueError("a change of something that is not there")
            made[place] = patched(made[place], part)
        return made
    raise ValueError("a change of something that has no parts")

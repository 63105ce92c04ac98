"""The list of output plugins that recent PostgreSQL minor releases allow for logical slots. Pure."""


def refused(setting: str | None, plugin: str) -> bool:
    """Whether `output_plugin_libraries` keeps `plugin` out; None or empty where the server has no such list.

    A name in double quotes that holds a comma is one name: what ALTER SYSTEM makes of 'a, b' in one string.
    """
    if not setting:
        return False
    names, quoted = [""], False
    for letter in setting:
        if letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            names.append("")
        else:
            names[-1] += letter
    return plugin not in (name.strip() for name in names)

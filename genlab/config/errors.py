"""What is said when a config cannot be what its author meant."""

import difflib
import re


class ConfigError(ValueError):
    """A config that cannot be what the user meant; the message is one line and says what to do."""


def one_line(error: object, longest: int = 1500) -> str:
    """An error in one readable line: what users and files put into it may hold anything."""
    line = re.sub(r"(\S{100})\S{100,}", r"\1...", " ".join(str(error).split()))
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= longest else f"{line[:longest]} ..."


def did_you_mean(name: str, names) -> str:
    """`"; did you mean 'x'?"` for the nearest of `names`, else nothing."""
    near = difflib.get_close_matches(str(name), [n for n in names if isinstance(n, str)], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def choices(name: str, names) -> str:
    """`did_you_mean`, or all of `names` where none is near."""
    return did_you_mean(name, names) or f"; there is {', '.join(map(str, names))}"

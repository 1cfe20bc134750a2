"""What is said when a config, or a user's code that it names, cannot be what its author meant."""

import difflib
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEEDS = 2**32  # of JAX's and NumPy's generators: a larger seed would be cut, or refused late
OURS = Path(__file__).parents[1]


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


def check_seed(seed: Any, where: str = "") -> Any:
    """`seed`; ConfigError, with `where` it was given, for a number that no generator takes."""
    if isinstance(seed, int) and not 0 <= seed < SEEDS:
        at = f" ({where})" if where else ""
        raise ConfigError(f"seed is {seed}; it must be 0 .. {SEEDS - 1}{at}")
    return seed


def above_zero(**named: Any) -> None:
    """ConfigError, by name, for a number that is not above 0; a traced one or a schedule passes."""
    for name, value in named.items():
        if isinstance(value, int | float) and not value > 0:
            raise ConfigError(f"{name} is {value}: give a number above 0")


def one_or_more(**named: Any) -> None:
    """ConfigError, by name, for what is no whole number from 1 on."""
    for name, value in named.items():
        if not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} is {value!r}: give a whole number, 1 or more")


def placed(text: str, error: BaseException) -> str:
    """`text`, then the place in the user's code where `error` arose, if it did in that."""
    place = place_of(error)
    return f"{text} ({place})" if place and place not in text else text


def place_of(error: BaseException) -> str:
    """ "mine.py:12": the innermost line outside of genlab and of installed packages that an error,
    or what it was raised from, passed through; "" where there is none.
    """
    for one in _causes(error):
        if isinstance(one, SyntaxError) and one.filename and is_users(one.filename):
            return f"{one.filename}:{one.lineno}"
        frames = [f for f in traceback.extract_tb(one.__traceback__) if is_users(f.filename)]
        if frames:
            return f"{frames[-1].filename}:{frames[-1].lineno}"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors that one was raised from, the first one first, and itself."""
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    yield from reversed(chain)


def is_users(file: str) -> bool:
    """Whether a file is a user's: not genlab's, installed, Python's own, or the command itself."""
    path = Path(file)
    if file.startswith("<frozen") or {"site-packages", "dist-packages"} & set(path.parts):
        return False
    if path.is_relative_to(OURS) or path.is_relative_to(sysconfig.get_path("stdlib")):
        return False
    return not (path.suffix == "" and file == sys.argv[0])

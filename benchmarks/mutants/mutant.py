"""What a mutant is, and the kinds of mistakes that are made more than once."""

from typing import NamedTuple

SIGN, ROOT, SQUARE = "sign", "missing root", "missing square"
DETACHED, IGNORED = "detached gradient", "weight ignored"
DEVICE = "statistics of a device, not of the global batch"
ON_TWO_DEVICES = "on_two_devices_batch_statistics_are_those_of_the_global_batch"


class Mutant(NamedTuple):
    """One change of one file.

    of:    the loss, the option or the rule of play that is broken
    kind:  the mistake
    file:  the file changed, from the root of the repository
    old:   the text replaced, found exactly once in the file
    new:   the text put there
    tests: the tests that have to fail, "tests/FILE::NAME"
    """

    of: str
    kind: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def test(file: str, *names: str) -> tuple[str, ...]:
    """Tests of a file under tests/, their names without `test_`."""
    return tuple(f"tests/{file}::test_{name}" for name in names)

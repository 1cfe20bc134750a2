"""An extension of griffe, which reads modules for the reference: what a docstring says of each
argument or field becomes a list, and networks and states of flax and named tuples, which have no
`__init__` of their own, show their fields with types and defaults as dataclasses do.
"""

import re
from collections.abc import Iterator

import griffe

FIELD = re.compile(r"((?:\*{0,2}[a-z_][\w.]*|[A-Z]\w?)(?:, [\w.*]+)*): +(\S.*)")
ROW = re.compile(r"(\S+(?:, \S+)*)  +(\S.*)")  # of a table: two spaces and more
MADE = {"flax.linen.Module", "typing.NamedTuple", "flax.struct.dataclass"}


def listed(text: str) -> str:
    """A docstring as Markdown: paragraphs of "name: what it is" lines as lists, but for the first,
    which says what the whole is.
    """
    first, *others = text.split("\n\n")
    return "\n\n".join([first, *map(_list, others)])


def _list(paragraph: str) -> str:
    lines = paragraph.split("\n")
    heads = [line for line in lines if line[:1] not in (" ", "")]
    for form in (FIELD, ROW):
        if heads and lines[0] == heads[0] and all(map(form.fullmatch, heads)):
            items = (
                form.sub(r"* `\1`: \2", x) if x in heads else f"    {x.strip()}" for x in lines
            )
            return "\n".join(items)
    return paragraph


class Reference(griffe.Extension):
    """What is changed in what griffe has read."""

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        """When all of a package is read."""
        for one in _within(pkg):
            if one.docstring:
                one.docstring.value = listed(one.docstring.value)
            if isinstance(one, griffe.Class) and "__init__" not in one.members and _made(one):
                one.set_member("__init__", _init(one))


def _within(one: griffe.Object) -> Iterator[griffe.Object]:
    yield one
    for member in one.members.values():
        if isinstance(member, griffe.Object):
            yield from _within(member)


def _mro(one: griffe.Class) -> list[griffe.Class]:
    try:
        return [one, *one.mro()]
    except ValueError:
        return [one]


def _made(one: griffe.Class) -> bool:
    every = _mro(one)
    by = [base for each in every for base in each.bases]
    by += [decorator.value for each in every for decorator in each.decorators]
    return any(getattr(one, "canonical_path", one) in MADE for one in by)


def _init(one: griffe.Class) -> griffe.Function:
    fields = {
        name: griffe.Parameter(name, annotation=field.annotation, default=field.value, kind=KIND)
        for each in reversed(_mro(one))
        for name, field in each.members.items()
        if isinstance(field, griffe.Attribute)
        and field.annotation is not None
        and "instance-attribute" in field.labels
        and not name.startswith("_")
    }
    self = griffe.Parameter("self", kind=KIND)
    return griffe.Function("__init__", parameters=griffe.Parameters(self, *fields.values()))


KIND = griffe.ParameterKind.positional_or_keyword

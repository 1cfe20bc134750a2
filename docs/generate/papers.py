"""The index of papers: where each is in the code, in the tests and in the experiments.

A paper is what a docstring of `genlab` names by its arXiv id. Tests and experiments are files that
use the object with that docstring: imports are followed through re-exports to where things are
defined, and losses and layers are also used by their names in quotes, as in configs.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
NAME = r"[A-Z][a-z'’-][\w'’-]*"
AUTHORS = re.compile(
    rf"({NAME}(?:(?:, | & | and ){NAME})*(?: et al\.)?),? (\d{{4}})(?: \(\w[\w ]*)?[,;:]?$"
)
SHOWN = 2  # files of each kind
QUOTED = ("genlab/losses", "genlab/nets/layers")  # what configs name without its module
PLAYED = "tests/test_experiments.py"  # plays every experiment, shrunk
SURE = 3  # an imported name counts for so many quoted ones, which may mean something else


class Mention(NamedTuple):
    """A paper in a docstring: its id, its authors and year ("" where they do not stand there), the
    module, and the public object of that module that the docstring is of or in, "" for the module.
    """

    paper: str
    authors: str
    module: str
    name: str

    @property
    def path(self) -> str:
        """Dotted."""
        return f"{self.module}.{self.name}".rstrip(".")


def dotted(path: Path) -> str:
    """The name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def trees(folder: str) -> dict[Path, ast.Module]:
    """The Python files of a folder, parsed."""
    return {path: ast.parse(path.read_text()) for path in sorted((ROOT / folder).rglob("*.py"))}


def mentions() -> Iterator[Mention]:
    """Every paper that a docstring of genlab names by its arXiv id."""
    for path, tree in trees("genlab").items():
        yield from _in(tree, dotted(path), "")
        for top in tree.body:
            if isinstance(top, ast.FunctionDef | ast.ClassDef):
                public = "" if top.name.startswith("_") else top.name
                for node in ast.walk(top):
                    yield from _in(node, dotted(path), public)


def _in(node: ast.AST, module: str, name: str) -> Iterator[Mention]:
    if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
        text = " ".join((ast.get_docstring(node) or "").split())
        for found in ARXIV.finditer(text):
            authors = AUTHORS.search(text[: found.start()].rstrip(" ("))
            yield Mention(found[1], " ".join(authors.groups()) if authors else "", module, name)


@cache
def exports() -> dict[str, dict[str, str]]:
    """By module of genlab: what its names are imported from."""
    return {dotted(path): dict(_imports(tree)) for path, tree in trees("genlab").items()}


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(name in the file, dotted path) of what it imports from genlab."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "genlab":
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"
        elif isinstance(node, ast.Import):
            for one in node.names:
                if one.name.split(".")[0] == "genlab":
                    yield one.asname or "genlab", one.name if one.asname else "genlab"


def defined(path: str, depth: int = 0) -> str:
    """Where what a dotted path names is defined: through re-exports."""
    known, parts = exports(), path.split(".")
    module = next((".".join(parts[:n]) for n in range(len(parts), 0, -1)
                   if ".".join(parts[:n]) in known), "")  # fmt: skip
    rest = parts[len(module.split(".")) :] if module else parts
    target = known.get(module, {}).get(rest[0]) if rest else None
    if target is None or depth > 5 or target == path:
        return path
    return defined(".".join([target, *rest[1:]]), depth + 1)


def uses(tree: ast.Module, quoted: Mapping[str, list[str]]) -> Counter[str]:
    """How often a file uses what is in genlab, by dotted path."""
    names, found = dict(_imports(tree)), Counter()
    found.update(defined(path) for path in names.values())
    for node in ast.walk(tree):
        path = _chain(node, names)
        if path:
            found[defined(path)] += SURE
        for word in _quoted(node):
            found.update(quoted.get(word, ()))
            if ":" in word and word.startswith("genlab"):
                found[defined(word.replace(":", "."))] += SURE
    return found


def _chain(node: ast.AST, names: Mapping[str, str]) -> str:
    """The dotted path of `alias.a.b`; "" for what is not of genlab."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(parts)])


def _quoted(node: ast.AST) -> Iterator[str]:
    """Names as configs have them in quotes, and of oracles, which are called as the losses are."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 80:
        yield node.value
        yield node.value.partition(",")[0]
    elif isinstance(node, ast.FunctionDef):
        yield node.name


def quotable() -> dict[str, list[str]]:
    """Losses and layers by the names that stand in configs: dotted paths."""
    found: dict[str, list[str]] = {}
    for path, tree in (file for folder in QUOTED for file in trees(folder).items()):
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else ()
            names = [getattr(node, "name", ""), *(getattr(t, "id", "") for t in targets)]
            for name in names:
                if name and not name.startswith("_"):
                    found.setdefault(name, []).append(f"{dotted(path)}.{name}")
    return found


def using(of: list[Mention], files: Mapping[str, Counter[str]]) -> list[str]:
    """The files that use what is a paper's, those first of which most is about it."""
    share = _shares(of, files)
    return sorted(share, key=lambda name: (-share[name], name))


def testing(of: list[Mention], files: Mapping[str, Counter[str]], shown: list[str]) -> list[str]:
    """The tests of a paper: those that use it; where none does, those that use the modules it is
    in, or the modules that import these; at last those that play the experiments `shown`.
    """
    modules = list(dict.fromkeys(one._replace(name="") for one in of))
    users = [
        one._replace(module=module)
        for module, imported in exports().items()
        for one in modules
        if module != one.module and _within(imported.values(), [one])
    ]
    found = (using(them, files) for them in (of, modules, users))
    return next(filter(None, found), [PLAYED] * bool(shown))


def _shares(of: list[Mention], files: Mapping[str, Counter[str]]) -> dict[str, float]:
    share = {}
    for name, counted in files.items():
        own = sum(counted[path] for path in _within(counted, of))
        if own:
            share[name] = own / counted.total()
    return share


def _within(paths: Iterable[str], of: list[Mention]) -> list[str]:
    """Those dotted paths that are of a mention's object, or in its module where it is of all of
    it.
    """
    own = tuple(f"{one.path}." for one in of)
    return [path for path in paths if f"{path}.".startswith(own)]


@cache
def index() -> dict[str, tuple[str, list[Mention], list[str], list[str]]]:
    """By arXiv id, oldest first: authors and year, mentions, tests, experiments."""
    found: dict[str, list[Mention]] = {}
    for one in mentions():
        found.setdefault(one.paper, []).append(one)
    quoted = quotable()
    tests, experiments = (
        {
            str(path.relative_to(ROOT)): uses(tree, quoted)
            for path, tree in trees(folder).items()
            if folder != "tests" or re.match(r"test_|\w+_oracles", path.stem)
        }
        for folder in ("tests", "experiments")
    )
    made = {}
    for paper in sorted(found, key=lambda p: (-int(p[:2] < "91"), p)):
        of = list(dict.fromkeys(found[paper]))
        authors = Counter(one.authors for one in of if one.authors).most_common(1)
        by = authors[0][0] if authors else ""
        shown = using(of, experiments)
        made[paper] = by, of, testing(of, tests, shown), shown
    return made


def problems() -> list[str]:
    """What the index lacks: a paper without its authors, or that no test uses."""
    told = []
    for paper, (authors, of, tests, _) in index().items():
        at = ", ".join(dict.fromkeys(one.path for one in of))
        told += [f"arXiv:{paper} ({at}): no authors and year stand before it"] * (not authors)
        told += [f"arXiv:{paper} ({at}): no test uses it"] * (not tests)
    return told


def page() -> str:
    """The index as Markdown; ValueError for what it lacks."""
    if told := problems():
        raise ValueError("\n".join(["the index of papers:", *told]))
    found = index()
    rows = []
    for paper, (authors, of, tests, experiments) in found.items():
        code = ", ".join(dict.fromkeys(_linked(one) for one in of))
        by = f"[{authors}](https://arxiv.org/abs/{paper})"
        rows.append(f"| {by} | {code} | {_files(tests)} | {_files(experiments)} |")
    head = "| paper | code | tests | experiments |\n| --- | --- | --- | --- |"
    about = (
        f"{len(found)} papers are named in docstrings by their arXiv ids: where each is in the "
        "code, which tests and which experiments use that code, those first of which most is about "
        "it. Older papers, and those of other publishers, are named in the docstrings."
    )
    return f"# Papers\n\n{about}\n\n{head}\n" + "\n".join(rows) + "\n"


def _linked(one: Mention) -> str:
    """An object with a link to its place in the reference."""
    room = one.module.split(".")[1] if "." in one.module else one.module
    anchor = one.path if one.name else one.module.replace(".", "")
    return f"[`{one.path.removeprefix('genlab.')}`](reference/{room}.md#{anchor})"


def _files(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"`{name.partition('/')[2]}`" for name in names[:SHOWN]) + more

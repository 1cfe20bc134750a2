"""The index of papers: where each is in the code, in the tests and in the experiments.

A paper is what a docstring of `genlab` names: see `citations`. Tests and experiments are files that
use the object with that docstring: imports are followed through re-exports to where things are
defined, and losses and layers are also used by their names in quotes, as in configs.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from citations import Mention, placed
from modules import ROOT, defined, dotted, imports, trees, used
from published_elsewhere import PAPERS
from reference import place

SHOWN = 2  # files of each kind
QUOTED = ("genlab/losses", "genlab/nets/layers")  # what configs name without its module
PLAYED = "tests/test_experiments.py"  # plays every experiment, shrunk
SURE = 3  # an imported name counts for so many quoted ones, which may mean something else


class Entry(NamedTuple):
    """A paper: its authors and year, where it is named, tests and experiments that use that."""

    authors: str
    of: list[Mention]
    tests: list[str]
    experiments: list[str]


def uses(tree: ast.Module, quoted: Mapping[str, list[str]]) -> Counter[str]:
    """How often a file uses what is in genlab, by dotted path."""
    names, found = dict(imports(tree)), Counter()
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
        for module, imported in used().items()
        for one in modules
        if module != one.module and _within(imported, [one])
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
def index() -> dict[str, Entry]:
    """By arXiv id, oldest first, then by a key of `published_elsewhere.PAPERS`."""
    quoted = quotable()
    tests, experiments = (
        {
            str(path.relative_to(ROOT)): uses(tree, quoted)
            for path, tree in trees(folder).items()
            if folder != "tests" or re.match(r"test_|\w+_oracles", path.stem)
        }
        for folder in ("tests", "experiments")
    )
    found, _ = placed()
    made = {}
    for paper in sorted(found, key=_age):
        of = found[paper]
        authors = Counter(one.authors for one in of if one.paper and one.authors).most_common(1)
        by = paper if paper in PAPERS else authors[0][0] if authors else ""
        shown = using(of, experiments)
        made[paper] = Entry(by, of, testing(of, tests, shown), shown)
    return made


def _age(paper: str) -> tuple:
    return (paper in PAPERS, paper[-4:] if paper in PAPERS else paper, paper)


def problems() -> list[str]:
    """What the index lacks: a paper without its authors, that no test uses, or that is named and
    not in it.
    """
    found, (_, unknown) = [], placed()
    for paper, one in index().items():
        what, at = _name(paper), ", ".join(dict.fromkeys(each.path for each in one.of))
        found += [f"{what} ({at}): no authors and year stand before it"] * (not one.authors)
        found += [f"{what} ({at}): no test uses it"] * (not one.tests)
    unnamed = [paper for paper in PAPERS if paper not in index()]
    found += [f"published_elsewhere.py has {paper}, which no docstring names" for paper in unnamed]
    lacking = "give its arXiv id, or its title in published_elsewhere.py"
    return [*found, *(f"{one.authors} ({one.path}): {lacking}" for one in unknown)]


def page() -> str:
    """The index as Markdown; ValueError for what it lacks."""
    if lacks := problems():
        raise ValueError("\n".join(["the index of papers:", *lacks]))
    rows = {paper: _row(paper, one) for paper, one in index().items()}
    head = "| paper | code | tests | experiments |\n| --- | --- | --- | --- |\n"
    on_arxiv = [row for paper, row in rows.items() if paper not in PAPERS]
    elsewhere = [rows[paper] for paper in rows if paper in PAPERS]
    about = (
        f"{len(rows)} papers and books are named in docstrings: where each is in the code, which "
        "tests and which experiments use that code, those first of which most is about it."
    )
    wide = "---\nhide: [toc]\n---"
    parts = [wide, "# Papers", about, f"## On arXiv: {len(on_arxiv)}", head + "\n".join(on_arxiv)]
    parts += [f"## Published elsewhere: {len(elsewhere)}", head + "\n".join(elsewhere)]
    return "\n\n".join(parts) + "\n"


def _name(paper: str) -> str:
    return paper if paper in PAPERS else f"arXiv:{paper}"


def _row(paper: str, one: Entry) -> str:
    code = ", ".join(dict.fromkeys(_linked(each) for each in one.of))
    by = f"[{one.authors}](https://arxiv.org/abs/{paper})"
    if paper in PAPERS:
        title, where, link = PAPERS[paper]
        title = title.replace("|", "\\|")
        by = (f"[{paper}]({link})" if link else paper) + f", {title}, {where}"
    return f"| {by} | {code} | {_files(one.tests)} | {_files(one.experiments)} |"


def _linked(one: Mention) -> str:
    """An object with a link to its place in the reference."""
    name, at = one.path.removeprefix("genlab."), place(one.path)
    return f"[`{name}`](reference/{at})" if at else f"`{name}`"


def _files(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"`{name.partition('/')[2]}`" for name in names[:SHOWN]) + more

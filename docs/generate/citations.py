"""The papers that docstrings of genlab name: by arXiv id, or by authors and year alone.

A name and year without an id is the paper with that first author and year which has one elsewhere
in genlab (in the same module, where there are several), or it is in `published_elsewhere`.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from modules import named, tree
from published_elsewhere import PAPERS

ARXIV = re.compile(r"arXiv[: ](\d{4}\.\d{4,5})")
NAME = r"[A-Z][a-zà-ÿ'’-][\w'’-]*"
BY = rf"\b({NAME}(?:(?:, | & | and ){NAME})*(?: et al\.)?),? "
BEFORE = re.compile(
    rf"{BY}(\d{{4}})(?: \(\w[\w ]*|, [A-Z]{{4,}})?[,;:]?$"
)  # ... (PacGAN, or , CVPR;
CITED = re.compile(rf"{BY}\(?((?:18|19)\d\d|20[0-3]\d)(?![\d-])")


class Mention(NamedTuple):
    """A paper in a docstring: its arXiv id or "" for none, its authors and year ("" where they do
    not stand there), the module, and the public object of that module that the docstring is of or
    in, "" for the module.
    """

    paper: str
    authors: str
    module: str
    name: str

    @property
    def path(self) -> str:
        """Dotted."""
        return f"{self.module}.{self.name}".rstrip(".")

    @property
    def first(self) -> str:
        """The first author and the year."""
        return first(self.authors)


def first(authors: str) -> str:
    """The first author and the year of "Burt & Adelson 1983" or "Buades et al. 2005"."""
    words = re.split(r"[, ]+", authors)
    return f"{words[0]} {words[-1]}"


def mentions() -> Iterator[Mention]:
    """Every paper that a docstring of genlab names."""
    for module in named():
        for name, text in _docstrings(tree(module)):
            for paper, authors in cited(" ".join(text.split())):
                yield Mention(paper, authors, module, name)


def _docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(the public object at the top that it is of or in, docstring), "" for the module."""
    yield "", ast.get_docstring(tree) or ""
    for top in tree.body:
        public = getattr(top, "name", "")
        for node in ast.walk(top):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield "" if public.startswith("_") else public, ast.get_docstring(node) or ""


def cited(text: str) -> list[tuple[str, str]]:
    """(arXiv id, authors and year) of the papers in a text, either "" where it does not say."""
    by = {}
    for found in ARXIV.finditer(text):
        authors = BEFORE.search(text[: found.start()].rstrip(" ("))
        by[authors.start(1) if authors else found.start()] = (found[1], _joined(authors))
    for authors in CITED.finditer(text):
        by.setdefault(authors.start(1), ("", _joined(authors)))
    return [by[at] for at in sorted(by)]


def _joined(authors: re.Match | None) -> str:
    return " ".join(authors.groups()) if authors else ""


@cache
def placed() -> tuple[dict[str, list[Mention]], list[Mention]]:
    """Mentions by paper, an arXiv id or a key of `published_elsewhere.PAPERS`, and those of which
    it is not known which paper they mean.
    """
    every = list(dict.fromkeys(mentions()))
    known = [one for one in every if one.paper]
    found: dict[str, list[Mention]] = {}
    unknown = []
    for one in every:
        paper = one.paper or _meant(one, known)
        if paper:
            found.setdefault(paper, []).append(one)
        else:
            unknown.append(one)
    return found, unknown


def _meant(one: Mention, known: Iterable[Mention]) -> str:
    """The paper that an author and a year mean; "" where none or several do."""
    if one.authors in PAPERS:
        return one.authors
    same = [other for other in known if other.first == one.first]
    near = [other for other in same if other.module == one.module]
    alike = [other for other in same if other.authors == one.authors]
    elsewhere = [paper for paper in PAPERS if first(paper) == one.first]
    for papers in ({other.paper for other in group} for group in (near, alike, same)):
        if len(papers) == 1:
            return papers.pop()
    return elsewhere[0] if len(elsewhere) == 1 and not same else ""

"""The reference of the site: every public name and every paper has its place. It is made of the
modules as they are written, without mkdocs; tests/test_site.py looks at the pages that are built.
"""

import importlib
import sys
from pathlib import Path

import pytest

import genlab.losses
import genlab.metrics
import genlab.nets

GENERATE = Path(__file__).parents[1] / "docs" / "generate"


@pytest.fixture(scope="module")
def tools():
    """The modules of docs/generate, by name."""
    names = ("modules", "reference", "published_elsewhere", "citations", "papers")
    sys.path.insert(0, str(GENERATE))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(GENERATE))
        for name in names:
            sys.modules.pop(name, None)


def test_every_public_name_has_its_place_in_the_reference(tools):
    modules, reference = tools["modules"], tools["reference"]
    public = [module for module in modules.named() if "._" not in module]
    names = [f"{m}.{name}" for m in public for name in modules.public_names(m)]
    assert len(names) > 200 and [name for name in names if not reference.place(name)] == []


def test_lists_of_public_names_are_read_as_they_are(tools):
    for module in (genlab, genlab.metrics, genlab.nets, genlab.losses):
        assert tools["modules"].public_names(module.__name__) == module.__all__


def test_the_top_level_has_a_page_with_every_name(tools):
    page = tools["reference"].pages()["genlab"]
    for name in genlab.__all__:
        assert f"heading: genlab.{name}\n" in page or f"## genlab.{name}\n" in page, name
    assert "::: genlab.config.spec.spec\n" in page and "::: genlab.config.spec\n" not in page
    assert "[`TrainedRun`](sampling.md#genlab.sampling.load.TrainedRun)" in page
    assert "[`load`](sampling.md#genlab.sampling.load.load)" in page


def test_every_room_has_a_page(tools):
    folder = Path(genlab.__file__).parent
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")} | {"api", "client"}
    assert rooms <= set(tools["reference"].pages())


def test_what_has_no_docstring_or_is_private_has_no_place(tools):
    place = tools["reference"].place
    assert place("genlab.losses.penalties.gradient_penalty") == (
        "losses.md#genlab.losses.penalties.gradient_penalty"
    )
    assert place("genlab.losses.Objective") == "losses.md#genlab.losses.objective.Objective"
    assert place("genlab.sampling.load._lend") is None
    assert place("genlab.losses.no_such_loss") is None and place("numpy.mean") is None


def test_papers_are_found_in_the_ways_in_which_docstrings_name_them(tools):
    cited = tools["citations"].cited
    assert cited("(Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3)") == [
        ("1704.00028", "Gulrajani et al. 2017")
    ]
    assert cited("Lin et al. 2018 (PacGAN, arXiv:1712.04086)") == [
        ("1712.04086", "Lin et al. 2018")
    ]
    assert cited("(Gatys et al. 2016, CVPR; arXiv:1508.06576)") == [
        ("1508.06576", "Gatys et al. 2016")
    ]
    assert cited("Wang, Simoncelli & Bovik 2003; Wood 1994, as Gatys et al. (2016;") == [
        ("", "Wang, Simoncelli & Bovik 2003"),
        ("", "Wood 1994"),
        ("", "Gatys et al. 2016"),
    ]
    assert cited(
        "17 x 17: 2023 numbers, FID's 2048, ICLR 2018, (2015-12-05), arXiv:1706.08500"
    ) == [("1706.08500", "")]


@pytest.mark.slow
def test_every_paper_that_a_docstring_names_is_in_the_index(tools):
    found, unknown = tools["citations"].placed()
    assert [f"{one.authors}: {one.path}" for one in unknown] == []
    papers = tools["published_elsewhere"].PAPERS
    assert [paper for paper in papers if paper not in found] == []
    where = {one.path for one in found["Bradley & Terry 1952"]}
    assert "genlab.feedback.bradley_terry" in where
    assert "genlab.evaluation.scores.fd" in {one.path for one in found["1706.08500"]}


@pytest.mark.slow
def test_the_index_of_papers_lacks_nothing(tools):
    papers = tools["papers"]
    assert papers.problems() == []
    page = papers.page()
    assert "| [Gulrajani et al. 2017](https://arxiv.org/abs/1704.00028) |" in page
    assert (
        "[Bradley & Terry 1952](https://doi.org/10.1093/biomet/39.3-4.324), Rank analysis" in page
    )

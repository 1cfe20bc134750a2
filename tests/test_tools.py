"""Generated pages and the mutation tool follow the code."""

import importlib
import re
import sys
from pathlib import Path

import pytest
from losses.objective_oracles import ORACLES
from losses.penalty_oracles import public
from losses.picture_oracles import named

from genlab.losses import features, penalties, pictures, regularisers

ROOT = Path(__file__).parents[1]


def test_every_mutant_still_applies(monkeypatch):
    """Running them all takes minutes; a mutant whose text is gone would test nothing."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setattr(sys, "argv", ["mutations.py", "--check"])
    with pytest.raises(SystemExit) as done:
        importlib.import_module("mutations").main()
    assert not done.value.code, done.value.code


def test_the_page_of_losses_has_every_loss():
    """`python docs/generate/losses_page.py` writes it anew."""
    shown = re.findall(r"^### (\w+)$", (ROOT / "docs" / "losses.md").read_text(), re.MULTILINE)
    objectives = {case.split(",")[0] for case in ORACLES}
    critics = public(penalties, "critic", "real", "fake", "key")
    of_pictures = named(pictures) | named(features)
    assert set(shown) == {*objectives, *critics, *public(regularisers, "scene"), *of_pictures}


def test_the_page_of_vaes_has_every_part(monkeypatch):
    """`python docs/generate/vae_page.py` writes it anew."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "generate")
    maker = importlib.import_module("vae_page")
    shown = re.findall(r"^### (\w+)$", (ROOT / "docs" / "vae.md").read_text(), re.MULTILINE)
    every = [*maker.likelihoods(), *maker.divergences(), *maker.posteriors()]
    for module in (maker.flows, maker.priors, maker.adversaries):
        every += maker.classes(module)
    assert shown == [*every, *maker.every_bound()]


UNLIKE = ("RAE-GP", "AAE", "JointVAE")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_methods_by_composition_are_built_and_a_round_of_them_traced(every, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "generate")
    maker = importlib.import_module("vae_page")
    for name in maker.METHODS if every else UNLIKE:
        maker.checked(maker.METHODS[name])


def test_the_page_of_metrics_has_every_metric(monkeypatch):
    """`python docs/generate/metrics_page.py` writes it anew."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "generate")
    maker = importlib.import_module("metrics_page")
    maker.check(maker.cases())  # nothing in the code is missing, and every test named exists
    shown = re.findall(r"^### `(.+)`$", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    entries = {name for section in maker.SECTIONS for name in section.entries}
    assert {name for name in shown if not name.startswith("features.")} == entries


@pytest.mark.parametrize("page, maker", [("speed", "table"), ("reliability", "reliability")])
def test_a_page_made_of_the_benchmarks_records_is_up_to_date(page, maker, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    made = importlib.import_module(maker).page()
    assert made == (ROOT / "docs" / f"{page}.md").read_text(), f"run python benchmarks/{maker}.py"

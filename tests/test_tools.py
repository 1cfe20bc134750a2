"""Generated pages and the mutation tool follow the code."""

import importlib
import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
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


def test_operations_are_told_apart_by_what_they_hold(monkeypatch):
    """Of a compiled program: a convolution, a product, a sum, a pass, and what only moves."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    operations = importlib.import_module("operations")

    def program(x, w):
        y = jax.lax.conv(x, w, (1, 1), "SAME")
        z = jnp.sin(y).reshape(len(x), -1)
        return z @ z.T, y.sum((1, 2, 3)), jnp.flip(x, 0)

    x, w = jnp.zeros((32, 8, 16, 16)), jnp.zeros((8, 8, 3, 3))
    text = jax.jit(program).lower(x, w).compile().as_text()
    kinds = {"convolutions", "products", "sums", "passes", "layout"}
    assert {*operations.kinds(text).values()} == kinds
    assert operations.kind({"multiply", "dot"}) == "products"
    assert operations.kind({"transpose", "copy"}) == "layout" != operations.kind({"add", "copy"})


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


@pytest.mark.parametrize(
    "page, maker, told",
    [
        ("speed", "table", "benchmarks/table.py"),
        ("scaling", "table_scaling", "benchmarks/table.py"),
        ("reliability", "reliability", "benchmarks/reliability.py"),
    ],
)
def test_a_page_made_of_the_benchmarks_records_is_up_to_date(page, maker, told, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    made = importlib.import_module(maker).page()
    assert made == (ROOT / "docs" / f"{page}.md").read_text(), f"run python {told}"


def test_readme_says_how_fast_games_are_in_their_worst_runs(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    told = importlib.import_module("table_games").in_short()
    assert told in (ROOT / "README.md").read_text()

"""Leakage of samples that ignore what is asked: it is 0, and not marked as best."""

import pytest

from genlab.report.reading import read
from genlab.report.tables.table import tables

CHANCE = {"hat": {"accuracy": [0.1, 0.08, 0.12]}, "hue": {"r2": [-1.0, -1.1, -0.9]}}


def run(make, leakage, hat, hue, prefix=""):
    """A row whose labels and numbers are as asked within these intervals."""

    def named(table):
        return {f: {prefix + s: x for s, x in by.items()} for f, by in table.items()}

    own = {"hat": {"accuracy": hat}, "hue": {"r2": hue}}
    by = {"samples": named(own), "shuffled conditions": named(CHANCE)}
    row = make.eval({f"{prefix}leakage": leakage}, name="control")
    return {"evals": [row | {"tables": {"factor": by}}]}


def marked(folder):
    (table,) = tables(read(folder))[0]
    return {row.variant for row in table.rows for cell in row.cells if cell.best}, table


BY_CHANCE, OBEYS = ([0.1, 0.07, 0.13], [-1.0, -1.2, -0.8]), ([0.9, 0.85, 0.95], [0.5, 0.4, 0.6])


@pytest.mark.parametrize("prefix", ["", "decoded_"])
def test_what_ignores_its_conditions_has_no_best_leakage(make, tmp_path, prefix):
    folder = make.sweep(tmp_path, {
        "a": [run(make, 0.2, *OBEYS, prefix), run(make, 0.21, *OBEYS, prefix)],
        "b": [run(make, 0.1, BY_CHANCE[0], OBEYS[1], prefix)] * 2,  # one factor is enough
        "free": [run(make, 0.0, *BY_CHANCE, prefix)] * 2,
    })  # fmt: skip
    best, table = marked(folder)
    assert best == {"b"}
    (note,) = [note for note in table.notes if "by chance" in note]
    assert note.startswith(f"{prefix}leakage is not compared for free: ")
    told = {pair.other: pair.sentence for pair in table.pairs}
    assert "a is worse than b" in told["b"] and "a is higher than free" in told["free"]


def test_obeying_in_one_seed_is_chance_and_unknown_chance_is_no_reason(make, tmp_path):
    lucky = run(make, 0.0, [0.2, 0.15, 0.25], BY_CHANCE[1])
    folder = make.sweep(tmp_path / "lucky", {
        "a": [run(make, 0.2, *OBEYS)] * 2, "b": [run(make, 0.3, *OBEYS)] * 2,
        "free": [lucky, run(make, 0.0, *BY_CHANCE)],
    })  # fmt: skip
    assert marked(folder)[0] == {"a"}
    old = {"evals": [make.eval({"leakage": 0.0}, name="control")]}  # has no tables
    flat = run(make, 0.3, [0.1], [-1.0])  # has no intervals
    best, table = marked(make.sweep(tmp_path / "old", {"old": [old], "flat": [flat]}))
    assert best == {"old"} and not [note for note in table.notes if "by chance" in note]

"""Two variants by seed: numbers against textbook and SciPy, words against numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genlab.report import markdown, write
from genlab.report.contents import contents
from genlab.report.protocol import alike, final, measured, optimistic
from genlab.report.reading import read
from genlab.report.tables.differences import correction, holm, paired
from genlab.report.tables.paired import compared
from genlab.report.tables.table import tables


def test_the_paired_test_is_scipys():
    rng = np.random.default_rng(0)
    for n in (2, 3, 5, 10):
        a, b = rng.normal(size=n), rng.normal(0.5, 1, n)
        found, theirs = paired(a, b), stats.ttest_rel(a, b)
        low, high = theirs.confidence_interval()
        assert found.mean == pytest.approx((a - b).mean()) and found.n == n
        assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
        assert found.mean - found.half == pytest.approx(low)
        assert found.mean + found.half == pytest.approx(high)


def test_the_effect_size_is_unbiased():
    """Over many samples its mean is the true mean over the true deviation; uncorrected, 1.4 times
    as much at 4 pairs (1 / 0.7236).
    """
    draws = np.random.default_rng(0).normal(0.8, 1.0, (3000, 4))
    found = [paired(row, np.zeros(4)).effect for row in draws]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_the_correction_is_hedges():
    """Hedges 1981: J(2) = Γ(1) / Γ(1/2) = 1 / √π, and nearly 1 - 3 / (4 df - 1)."""
    assert correction(2) == pytest.approx(1 / math.sqrt(math.pi))
    assert correction(30) == pytest.approx(1 - 3 / 119, abs=1e-4)


def test_equal_differences_have_no_test():
    found = paired([1.1, 2.1, 3.1], [1.0, 2.0, 3.0])
    assert found.half == 0 and found.effect is None and math.isnan(found.p)
    assert paired([1.0, 3.0], [0.0, 1.0]).effect is None  # of two pairs J is 0
    with pytest.raises(ValueError, match="at least 2"):
        paired([1.0], [2.0])
    with pytest.raises(ValueError, match="2 pairs, 1 of them finite"):
        paired([1.0, math.nan], [2.0, 1.0])


def test_holm_is_the_textbook_example():
    """0.01 x 4, 0.02 x 3, 0.03 x 2, then never less than the one before."""
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.5, math.nan, 0.2])[0] == 0.5 and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_raw_p_and_bonferronis(ps):
    adjusted = holm(ps)
    assert all(p <= q <= min(1, len(ps) * p) + 1e-12 for p, q in zip(ps, adjusted, strict=True))
    order = np.argsort(ps, kind="stable")
    assert (np.diff(np.asarray(adjusted)[order]) >= 0).all()


def _compared(make, folder, values, baselines=None):
    runs = {v: [{"evals": [make.eval(s)]} for s in seeds] for v, seeds in values.items()}
    found = final(measured(read(make.sweep(folder, runs)), "test"))["fidelity"]
    return compared(found, list(values))


def test_a_clear_difference_is_resolved_in_words(make, tmp_path):
    fd = {"a": [3.0, 4.0, 5.1], "b": [8.1, 9.0, 10.0], "c": [3.5, 3.0, 6.0]}
    found = _compared(make, tmp_path, {v: [{"fd": x} for x in xs] for v, xs in fd.items()})
    b, c = found
    assert b.sentence.startswith(
        "fd: a is better than b by 5.00 ± 0.25; resolved at 5 % with 3 seeds"
    )
    assert c.sentence.startswith("fd: a is better than c by 0.13 ± 2.49; not resolved at 5 %")
    raw = [stats.ttest_rel(fd["a"], fd[v]).pvalue for v in "bc"]
    assert b.p == pytest.approx(2 * raw[0]) and c.p == pytest.approx(raw[1])


def test_words_follow_the_direction_of_each_score(make, tmp_path):
    rows = {
        "a": [
            {"recall": 0.1 + s / 10, "nearer": 0.7 + s / 50, "odd": 1.0 + s**2} for s in range(3)
        ],
        "b": [{"recall": 0.5 + s / 20, "nearer": 0.4 + s / 80, "odd": 0.0 - s} for s in range(3)],
    }
    told = [line.sentence for line in _compared(make, tmp_path, rows)]
    assert told[0].startswith("recall: a is worse than b by")
    assert told[1].startswith("nearer: a is worse than b by") and "nearer to 0.5" in told[1]
    assert told[2].startswith("odd: a is higher than b by")


def test_pairs_are_of_one_seed_and_lone_ones_are_left_out(make, tmp_path):
    rows = {"a": [{"fd": 1.0}, {"fd": 2.0}, {"fd": 9.0}], "b": [{"fd": 2.0}, {"fd": 4.0}]}
    (line,) = _compared(make, tmp_path / "two", rows)
    assert line.found.n == 2 and line.found.mean == pytest.approx(-1.5)
    assert not _compared(make, tmp_path / "one", {"a": [{"fd": 1.0}], "b": [{"fd": 2.0}]})
    same = {"a": [{"fd": 1.0}, {"fd": 2.0}], "b": [{"fd": 1.0}, {"fd": 2.0}]}
    (line,) = _compared(make, tmp_path / "same", same)
    assert line.sentence == "fd: a and b are equal in each of 2 seeds."


def test_the_report_has_the_comparisons_under_their_table(make, tmp_path):
    fd = {"a": [3.0, 4.0, 5.1], "b": [8.1, 9.0, 10.0]}
    runs = {v: [{"evals": [make.eval({"fd": x})]} for x in xs] for v, xs in fd.items()}
    folder = make.sweep(tmp_path, runs)
    made = write(folder)
    text, html = (folder / "report.md").read_text(), made.html.read_text()
    for page in (text, html):
        assert "fd: a is better than b by 5.00 ± 0.25; resolved" in page and "Holm" in page
        assert "of the file is compared with each of the others." in page
        assert "before any number was known" not in page  # nobody could know that
    assert text.index("Protocol: ") < text.index("- fd: a is better")
    assert "better than" not in made.results  # a terminal gets the tables alone
    single = contents(read(folder / "a/seed0"))
    assert single.pairing == "" and "Holm" not in markdown.render(single)


def test_versions_are_noted_and_keep_no_rows_apart(make, tmp_path):
    folder = make.sweep(tmp_path, {
        v: [{"evals": [make.eval({"fd": 1.0}, genlab=version, seed=s)]} for s in (0, 1)]
        for v, version in {"a": "0.1.0", "b": "0.2.0", "old": None}.items()
    })  # fmt: skip
    (made,), unlike = tables(read(folder))
    assert not unlike and len(made.rows) == 3
    assert dict(made.protocol)["genlab"] == "0.1.0, 0.2.0"
    assert "Measured by different versions of genlab (0.1.0: a; 0.2.0: b)." in made.notes
    assert "seed" not in dict(made.protocol)


def test_how_the_checkpoint_was_chosen_keeps_rows_apart_and_flattery_is_told(make, tmp_path):
    ways = {"a": "best validation fidelity/fd", "b": "last"}
    folder = make.sweep(tmp_path, {
        v: [{"evals": [make.eval({"fd": 1.0}, checkpoint=way)]}] for v, way in ways.items()
    })  # fmt: skip
    made, (refusal,) = tables(read(folder))
    assert len(made) == 2 and list(refusal.fields) == ["checkpoint"]
    assert not any("Flattered" in note for table in made for note in table.notes)
    row = make.eval({"fd": 1.0}, checkpoint="best test fidelity/fd")
    (table,), _ = tables(read(make.run(tmp_path / "run", evals=[row])))
    assert any("Flattered" in note for note in table.notes)
    assert optimistic({"split": "validation", "checkpoint": "best validation fidelity/fd"})
    assert not optimistic({"split": "test"}) and not optimistic(
        {"split": "test", "checkpoint": "last"}
    )


def test_results_of_one_protocol_are_alike_whatever_their_seed(make, tmp_path):
    rows = [{"evals": [make.eval({"fd": 1.0}, seed=s)]} for s in (0, 1)]
    assert len(alike(measured(read(make.sweep(tmp_path, {"a": rows})), "test"))) == 1

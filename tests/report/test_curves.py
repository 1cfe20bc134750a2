import base64
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest

from genlab.report.figures import interactive
from genlab.report.figures.axes import AXES
from genlab.report.figures.curves import POINTS, curve, cut_at
from genlab.report.figures.drawing import COLOURS, keys
from genlab.report.figures.panels import panels
from genlab.report.reading import read

SVG = "{http://www.w3.org/2000/svg}"


def _svg(panel):
    kind, _, data = panel.uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def test_a_curve_is_the_mean_and_range_of_the_seeds():
    found = curve([{10: 1.0, 20: 2.0}, {10: 3.0, 20: 6.0}])
    assert found == ([10, 20], [2.0, 4.0], [1.0, 2.0], [3.0, 6.0])


def test_a_seed_that_stopped_counts_up_to_there():
    found = curve([{10: 1.0, 20: 2.0}, {10: 3.0}])
    assert found.mean == [2.0, 2.0] and found.high == [3.0, 2.0]


def test_long_curves_are_averaged_and_keep_their_mean():
    values = np.random.default_rng(0).normal(size=10 * POINTS)
    found = curve([dict(enumerate(values))])
    assert len(found.steps) == POINTS
    np.testing.assert_allclose(found.mean, values.reshape(POINTS, 10).mean(1))
    assert found.steps[0] == 4.5


def test_what_is_not_finite_leaves_a_gap():
    assert curve([{1: math.nan, 2: 5.0}]).steps == [2]
    assert curve([]).steps == []


def test_early_extremes_are_cut_and_the_rest_is_kept():
    spike = curve([{i: 100 * math.exp(-i) + 1 + 0.1 * math.sin(i) for i in range(100)}])
    low, high = cut_at([spike])
    assert low < 0.9 and 1.1 < high < 2
    assert cut_at([curve([{i: float(i) for i in range(100)}])]) is None


def test_keys_stay_distinct_beyond_the_colours():
    look = keys([f"v{i}" for i in range(3 * len(COLOURS))])
    assert len({(k.colour, k.dashes) for k in look.values()}) == len(look)


def test_every_term_and_validation_score_has_a_panel(make, tmp_path):
    rows = [make.eval({"fd": 9.0 - s, "odd": 1.0}, step=s, split="validation") for s in (1, 2, 3)]
    rows.append(make.eval({"elbo": -9.0}, name="bound", split="validation"))
    found = panels(read(make.run(tmp_path / "run", evals=[*rows, make.eval({"psnr": 1.0})])))
    titles = {heading: [p.title for p in drawn] for heading, drawn in found.items()}
    assert titles == {
        "fidelity on validation data": ["fd ↓", "odd"], "bound on validation data": ["elbo ↑"],
        "disc": ["loss"], "gen": ["loss"],
    }  # fmt: skip
    fd = found["fidelity on validation data"][0]
    assert fd.alt == "fd ↓ over training rounds: run ends at 6."


def test_curves_are_kept_against_images_flops_and_seconds_too(make, tmp_path):
    runs = {
        "fast": [{"cost": make.cost | {"images_per_round": 64}}],
        "slow": [{"metrics": [row | {"seconds": row["step"]} for row in make.metrics()]}],
    }
    sweep = read(make.sweep(tmp_path, runs))
    kept = interactive.data(panels(sweep), keys(sweep.variants), sweep)
    assert kept["axes"] == ["rounds", "images", "FLOPs", "seconds"]
    disc, gen = kept["panels"]
    fast, slow = (kept["places"][disc["curves"][v]["at"]] for v in runs)
    assert fast == [[100, 200, 300], [6400, 12800, 19200], [2e11, 4e11, 6e11], [10, 20, 30]]
    assert slow[3] == [100, 200, 300] and len(kept["places"]) == 2  # the players share them
    assert gen["curves"]["slow"] == {"at": disc["curves"]["slow"]["at"], "mean": [2, 2, 2]}
    drawn = curve([{100: 1.0, 250: 2.0, 400: 3.0}])
    assert AXES[3].of("slow", sweep, drawn).steps == [100, 250, 400]


def test_an_axis_that_is_not_known_is_left_out(make, tmp_path):
    def axes(runs):
        sweep = read(make.sweep(tmp_path / "_".join(runs), runs))
        found = interactive.data(panels(sweep), keys(sweep.variants), sweep)
        return found["axes"], [axes[1:3] for axes in found["places"]]

    assert axes({"a": [{"cost": {}}]})[0] == ["rounds", "seconds"]
    known, (of_a, of_b) = axes({"a": [{}], "b": [{"cost": {}}]})
    assert known == ["rounds", "images", "FLOPs", "seconds"]
    assert None not in of_a and of_b == [None, None]  # the page draws it of neither


def test_seeds_have_a_range_and_numbers_are_those_json_has(make, tmp_path):
    rows = [make.metrics(offset=o) for o in (0.0, 1.0)]
    rows[0][1]["disc/loss"] = math.nan
    rows[0][2]["disc/loss"] = 1e200
    sweep = read(make.sweep(tmp_path, {"a": [{"metrics": r} for r in rows]}))
    kept = interactive.data(panels(sweep), keys(sweep.variants), sweep)
    json.dumps(kept, allow_nan=False)
    disc = kept["panels"][0]
    assert disc["curves"]["a"]["low"] == [1.1, 2.2, 2.3] and disc["log"]
    assert disc["curves"]["a"]["high"][0] == 2.1


def test_unlike_protocols_are_drawn_apart(make, tmp_path):
    folder = make.sweep(tmp_path, {
        v: [{"evals": [make.eval({"fd": 1.0}, split="validation", samples=n)]}]
        for v, n in {"a": 500, "b": 5000}.items()
    })  # fmt: skip
    drawn = panels(read(folder))["fidelity on validation data"]
    assert [p.title for p in drawn] == ["fd (samples 500) ↓", "fd (samples 5000) ↓"]
    assert "a ends" in drawn[0].alt and "b ends" not in drawn[0].alt


def test_panels_are_small_svg_in_each_variants_colour(sweep):
    panel = panels(read(sweep))["disc"][0]
    text = _svg(panel)
    assert ElementTree.fromstring(text).tag == f"{SVG}svg"
    assert len(text) < 20_000
    assert all(colour in text for colour in COLOURS[:2]) and COLOURS[2] not in text
    assert "currentColor" in text and "prefers-color-scheme" in text


def test_a_long_run_is_a_small_picture(make, tmp_path):
    values = np.random.default_rng(0).normal(size=5000)
    rows = [{"step": s, "gen/loss": v} for s, v in enumerate(values)]
    found = panels(read(make.run(tmp_path / "run", metrics=rows)))
    assert len(_svg(found["gen"][0])) < 14_000


@pytest.mark.parametrize("worst", [1e30, -1e300])
def test_a_term_that_blew_up_is_still_drawn(make, tmp_path, worst):
    rows = [{"step": s, "gen/loss": worst if s == 9 else s / 10} for s in range(1, 10)]
    found = panels(read(make.run(tmp_path / "run", metrics=rows)))
    assert _svg(found["gen"][0]).startswith("<svg")

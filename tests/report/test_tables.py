import json
import math

import pytest

from genlab.report import markdown, write
from genlab.report.protocol import UnlikeProtocols, final, measured
from genlab.report.reading import read
from genlab.report.tables.cost import amount, costs, hardware, traced
from genlab.report.tables.table import legend, table, tables
from genlab.runs.folder import RunFolder


def _by_name(folder):
    made, unlike = tables(read(folder))
    return {t.name: t for t in made}, unlike


def _texts(of, variant):
    return {
        s.name: c.text
        for row in of.rows if row.variant == variant
        for s, c in zip(of.scores, row.cells, strict=True)
    }  # fmt: skip


def test_cells_are_means_with_intervals(sweep):
    made, unlike = _by_name(sweep)
    assert not unlike
    # s = 1, n = 3: 4.303 / √3 = 2.484; s = 0.7071, n = 2: 12.706 · 0.7071 / √2 = 6.353
    assert _texts(made["fidelity"], "hinge") == {"fd": "4.0 ± 2.5", "precision": "0.9000 ± 0.0000"}
    assert _texts(made["fidelity"], "wgan")["fd"] == "7.5 ± 6.4"
    assert [[c.n for c in row.cells] for row in made["fidelity"].rows] == [[3, 3], [2, 2]]


def test_only_the_best_known_score_is_marked(make, tmp_path):
    scores = {
        "a": {"fd": 2.0, "odd": 1.0, "recall": 0.3},
        "b": {"fd": 1.0, "odd": 2.0, "recall": 0.2},
    }
    folder = make.sweep(tmp_path, {v: [{"evals": [make.eval(s)]}] for v, s in scores.items()})
    made, _ = _by_name(folder)
    assert [[c.best for c in row.cells] for row in made["fidelity"].rows] == [
        [False, False, True], [True, False, False],
    ]  # fmt: skip


def test_equal_means_are_marked_together_or_not_at_all(make, tmp_path):
    scores = {v: {"fd": fd, "copies": 0.0} for v, fd in {"a": 1.0, "b": 1.0, "c": 2.0}.items()}
    folder = make.sweep(tmp_path, {v: [{"evals": [make.eval(s)]}] for v, s in scores.items()})
    made, _ = _by_name(folder)
    assert [[c.best for c in row.cells] for row in made["fidelity"].rows] == [
        [True, False], [True, False], [False, False],
    ]  # fmt: skip


def test_the_last_test_row_counts_and_validation_rows_do_not(make, tmp_path):
    rows = [
        make.eval({"fd": 50.0}, step=100, split="validation"),
        make.eval({"fd": 9.0}, step=200),
        make.eval({"fd": 2.0}, step=300),
        make.eval({"fd": 70.0}, step=300, split="validation"),
    ]
    made, unlike = _by_name(make.run(tmp_path / "run", evals=rows))
    assert not unlike and _texts(made["fidelity"], "run") == {"fd": "2"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("samples", 5000, "samples (500: a; 5000: b)"),
        ("weights", "raw", "weights (ema: a; raw: b)"),
        ("features_sha256", "f" * 64, "features_sha256 (0123456789: a; ffffffffff: b)"),
        ("k", None, "k (5: a; not given: b)"),
    ],
)
def test_unlike_protocols_are_refused_by_field(make, tmp_path, field, value, told):
    folder = make.sweep(tmp_path, {
        "a": [{"evals": [make.eval({"fd": 1.0})]}],
        "b": [{"evals": [make.eval({"fd": 2.0}, **{field: value})]}],
    })  # fmt: skip
    found = final(measured(read(folder), "test"))["fidelity"]
    with pytest.raises(UnlikeProtocols) as refused:
        table("fidelity", found, ["a", "b"])
    assert list(refused.value.fields) == [field]
    assert told in str(refused.value)


def test_unlike_protocols_get_a_table_each_and_a_refusal(make, tmp_path):
    folder = make.sweep(tmp_path, {
        "a": [{"evals": [make.eval({"fd": 1.0})]}],
        "b": [{"evals": [make.eval({"fd": 2.0}, samples=5000)]}],
        "lost": [{"status": "failed"}],
    })  # fmt: skip
    made, unlike = tables(read(folder))
    assert [[row.variant for row in t.rows] for t in made] == [["a", "lost"], ["b", "lost"]]
    assert [dict(t.protocol)["samples"] for t in made] == ["500", "5000"]
    assert len(unlike) == 1 and list(unlike[0].fields) == ["samples"]


def test_the_order_of_a_protocols_fields_is_no_difference(make, tmp_path):
    row = make.eval({"fd": 1.0})
    turned = row | {"protocol": dict(reversed(row["protocol"].items()))}
    folder = make.sweep(tmp_path, {"a": [{"evals": [row]}], "b": [{"evals": [turned]}]})
    made, unlike = tables(read(folder))
    assert len(made) == 1 and not unlike


def test_different_evaluators_may_have_different_protocols(make, tmp_path):
    rows = [make.eval({"fd": 1.0}), make.eval({"elbo": -90.0}, name="bound", samples=7)]
    made, unlike = tables(read(make.run(tmp_path / "run", evals=rows)))
    assert [t.name for t in made] == ["fidelity", "bound"] and not unlike


def test_rounds_of_the_scored_checkpoints_are_told(make, tmp_path):
    runs = [{"evals": [make.eval({"fd": 1.0}, step=s)]} for s in (800, 2000)]
    made, _ = tables(read(make.sweep(tmp_path, {"a": runs})))
    assert dict(made[0].protocol)["rounds"] == "800 to 2000"


BEST = {"checkpoint": "best validation fidelity/fd"}


def _chosen(make, at, looks=(100, 200, 300), **more):
    """A run whose checkpoint of round `at` was best of those that were looked at."""
    rows = [make.eval({"fd": 1.0}, step=s, split="validation") for s in looks]
    rows += [make.eval({"fd": 2.0}, step=at, **BEST)]
    rows += [make.eval({"fd": 3.0}, step=300, checkpoint="last")]
    config = make.config | {"loop": {"steps": 300, "best": "fidelity/fd"}}
    return {"evals": rows, "config": config, **more}


def test_every_variant_states_its_chosen_rounds_and_an_edge_is_flagged(make, tmp_path):
    folder = make.sweep(tmp_path, {
        "a": [_chosen(make, 100), _chosen(make, 200)],
        "b": [_chosen(make, 200), _chosen(make, 200)],
        "c": [_chosen(make, 300), _chosen(make, 300)],
        "d": [_chosen(make, 300, looks=(300,)), _chosen(make, 300, looks=(300,))],
    })  # fmt: skip
    (best, last), unlike = tables(read(folder))
    assert not unlike  # two views of the same runs, none of them apart
    assert best.title == "fidelity, best by validation fidelity/fd"
    assert last.title == "fidelity, last round"
    assert [row.rounds for row in best.rows] == [
        "100, 200 of 300, at the edge (seed 0)", "200 of 300", "300, at the edge",
        "300, at the edge",
    ]  # fmt: skip
    assert {row.rounds for row in last.rows} == {"300"}
    assert [note for note in best.notes if "edge" in note] == [
        "At the edge: the best checkpoint of a (seed 0) is the first of 3 evaluated; an earlier "
        "one may be better: evaluate more often (loop.evaluate_every).",
        "At the edge: the best checkpoint of c (seed 0, 1) is the last of 3 evaluated; a later one "
        "may be better: train longer (loop.steps).",
        "At the edge: the best checkpoint of d (seed 0, 1) is the only one evaluated; there was no "
        "choice: evaluate more often (loop.evaluate_every).",
    ]
    assert "at the edge" in markdown.table(best) and not any("edge" in n for n in last.notes)


def test_rows_of_a_score_that_no_longer_chooses_are_not_shown(make, tmp_path):
    run = _chosen(make, 100)
    run["config"]["loop"]["best"] = ""
    made, _ = tables(read(make.run(tmp_path / "run", **run)))
    assert [table.title for table in made] == ["fidelity, last round"]
    older = [make.eval({"fd": 9.0}, step=200), make.eval({"fd": 2.0}, checkpoint="last")]
    made, _ = tables(read(make.run(tmp_path / "older", evals=older)))
    assert [row.cells[0].text for table in made for row in table.rows] == ["2"]


def test_seconds_of_disturbed_runs_have_no_negative_interval(make, tmp_path):
    runs = [{"metrics": [{"step": 300, "seconds": s}]} for s in (38.2, 38.4, 290.0)]
    (cost,) = costs(read(make.sweep(tmp_path, {"a": runs})))
    assert cost.cells[5] == "122.2 (38.2 to 290.0)"


def test_one_seed_says_so(make, tmp_path):
    made, _ = tables(read(make.run(tmp_path / "run", evals=[make.eval({"fd": 1.5})])))
    assert made[0].rows[0].cells[0].text == "1.500"
    assert "n = 1" in made[0].notes[0] and "no interval" in made[0].notes[0]
    assert "±" not in legend(made)


def test_nan_is_left_out_and_named(make, tmp_path):
    runs = [{"evals": [make.eval({"fd": v})]} for v in (1.0, math.nan, 3.0)]
    made, _ = tables(read(make.sweep(tmp_path, {"a": runs})))
    assert made[0].rows[0].cells[0].n == 2
    assert made[0].notes == ("Left out, being no finite number: fd of a/seed1.",)


def test_the_baseline_counts_each_seed_once(make, tmp_path):
    baselines = [0.4, 0.6]
    runs = [
        {"evals": [make.eval({"fd": 3.0 + s}, baselines={"fd": f})]}
        for s, f in enumerate(baselines)
    ]
    made, _ = tables(read(make.sweep(tmp_path, {"a": runs, "b": runs})))
    assert made[0].baseline[0].n == 2  # two seeds, though four runs measured it
    assert made[0].baseline[0].text == "0.5 ± 1.3"  # 12.706 · 0.1414 / √2 = 1.27


def test_equal_floors_are_one_number(sweep):
    made, _ = _by_name(sweep)
    assert [cell.text for cell in made["fidelity"].baseline] == ["0.5", "–"]


def test_strips_share_one_axis_per_column(make, tmp_path):
    runs = {"a": [0.0, 2.0], "b": [8.0, 10.0]}
    folder = make.sweep(tmp_path, {
        v: [{"evals": [make.eval({"fd": x}, baselines={"fd": 5.0})]} for x in xs]
        for v, xs in runs.items()
    })  # fmt: skip
    made, _ = tables(read(folder))
    a, b = (row.cells[0].strip for row in made[0].rows)
    assert a.baseline == b.baseline == pytest.approx(50)
    assert a.low == 0 and b.high == 100  # the widest interval reaches each end
    assert a.mean == pytest.approx(100 - b.mean) and a.mean < 50 < b.mean


def test_a_lone_number_has_no_strip(make, tmp_path):
    runs = [{"evals": [make.eval({"fd": x})]} for x in (1.0, 2.0)]
    made, _ = tables(read(make.sweep(tmp_path, {"a": runs})))
    assert made[0].rows[0].cells[0].n == 2 and made[0].rows[0].cells[0].strip is None


def test_markdown_table_has_the_numbers_and_the_protocol(sweep):
    made, _ = tables(read(sweep))
    lines = markdown.table(made[0]).splitlines()
    assert lines[0] == "| variant | fd ↓ | precision ↑ | scored round |"
    assert lines[2] == "| hinge | **4.0 ± 2.5** (n=3) | 0.9000 ± 0.0000 (n=3) | 300 |"
    assert lines[3] == "| wgan | 7.5 ± 6.4 (n=2) | 0.9000 ± 0.0000 (n=2) | 300 |"
    assert lines[4] == "| *real data, held out* | *0.5* | *–* |  |"
    assert lines[6] == (
        "Protocol: split test; weights ema; samples 500; real 500; features domain; "
        "features sha256 0123456789; k 5; rounds 300; seeds 0, 1, 2."
    )


def test_cost_is_per_finished_run(sweep):
    hinge, wgan = costs(read(sweep))
    runs, rounds, images, parameters, flops, seconds, compiling, whole = hinge.cells
    assert (runs, rounds) == ("3", "300")
    assert images == "38.4\N{NO-BREAK SPACE}k"  # 300 rounds of 128
    assert parameters.replace("\N{NO-BREAK SPACE}", " ") == "1.5 M (gen 1 M, disc 500 k)"
    assert flops == "600\N{NO-BREAK SPACE}GFLOP"  # 300 rounds of 2e9
    assert seconds == "30" and compiling == "4" and whole == "–"  # no clock
    assert wgan.cells[:2] == ("2", "300")  # the failed run stopped at 120


def test_cost_that_was_not_counted_is_a_dash(make, tmp_path):
    run = make.run(tmp_path / "run", cost={"flops_per_round": None}, metrics=[])
    (cost,) = costs(read(run))
    assert cost.cells == ("1", "300", "–", "–", "–", "–", "–", "–")


def test_start_to_end_is_every_start_and_the_last_scoring(make, tmp_path):
    folder = make.sweep(tmp_path, {"a": [{}, {}]})
    for seed in (0, 1):
        run = RunFolder(folder / f"a/seed{seed}")
        for start, wall in (("1", 5.0), ("1", 20.0), ("2", 30.0), ("3 scoring", 9.0)):
            run.append("clock.jsonl", {"start": start, "wall": wall})
    assert costs(read(folder))[0].cells[-1] == "59"
    run.append("clock.jsonl", {"start": "4 scoring", "wall": 10.0})
    assert costs(read(folder))[0].cells[-1] == "59.50 (59.00 to 60.00)"
    assert "All 2 runs took 2.0 minutes from start to end" in hardware(read(folder))


def test_times_of_unlike_machines_are_called_so(make, tmp_path):
    envs = [make.env, make.env | {"device": "NVIDIA H200"}]
    folder = make.sweep(tmp_path, {"a": [{"env": env} for env in envs]})
    assert "unlike machines" in hardware(read(folder))
    assert "unlike" not in hardware(read(folder / "a/seed0"))


def test_what_traced_rounds_spent_their_time_on_is_a_line(make, tmp_path):
    run = make.run(tmp_path / "run")
    assert traced(read(run)) == ""
    seconds = {"compute": 0.25, "collectives": 0.0, "idle": 0.05, "host": 0.01}
    found = {"rounds": [2, 6], "devices": 1, "seconds": seconds, "longest": []}
    (run / "profile.json").write_text(json.dumps(found))
    assert "rounds 3 to 6: compute 250.0 ms, collectives 0.0 ms, idle 50.0 ms" in traced(read(run))
    cost = {"profile": found | {"rounds": [0, 2]}}  # what is written today, before anything older
    (run / "cost.json").write_text(json.dumps(cost))
    assert "rounds 1 to 2: compute" in traced(read(run))


@pytest.mark.parametrize(
    ("value", "text"),
    [(9999, "9999"), (10_000, "10 k"), (999_999, "1 M"), (1.284e9, "1.28 G"), (3e21, "3e+03 E")],
)
def test_amounts_have_three_figures(value, text):
    assert amount(value).replace("\N{NO-BREAK SPACE}", " ") == text


def test_scores_by_class_are_folded_beneath_with_the_classes_names(make, tmp_path):
    """One score: the variants in columns; several: in rows. Real data once, without an interval."""

    def row(value, seed, **more):
        by = {"dress": {"class_fd": value, **more}, "hat|bag": {"class_fd": value + 1}}
        real = {"dress": {"class_fd": 0.5 + seed}, "hat|bag": {"class_fd": None}}
        return make.eval({"class_fd": value + 0.5}) | {
            "tables": {"class": {"samples": by, "real data": real}}
        }

    folder = make.sweep(tmp_path / "one", {
        v: [{"evals": [row(at + seed, seed)]} for seed in (0, 1)] for v, at in (("a", 1), ("b", 5))
    })  # fmt: skip
    (made,) = tables(read(folder))[0]
    assert made.parts == ((
        "class_fd ↓ by class", ("class", "a", "b", "real data"),
        (("dress", "1.5 ± 6.4", "5.5 ± 6.4", "1.0"),
         ("hat|bag", "2.5 ± 6.4", "6.5 ± 6.4", "–")),
    ),)  # fmt: skip
    written = write(folder)
    assert "| hat\\|bag | 2.5" in written.markdown
    assert "<summary>class_fd ↓ by class</summary>" in written.html.read_text()
    several = make.run(tmp_path / "run", evals=[row(1.0, 0, accuracy=[0.9, 0.8, 0.95])])
    (grid,) = tables(read(several))[0][0].parts
    assert grid.headings == ("class", "of", "class_fd ↓", "accuracy ↑")
    assert grid.rows[0] == ("dress", "run", "1.000", "0.9000 (0.8000 to 0.9500)")
    assert grid.rows[1] == ("", "real data", "0.500", "–")


@pytest.mark.parametrize("odd", [3, {"class": 3}, {"class": {"samples": {"a": {"fd": []}}}}])
def test_tables_that_are_none_are_passed_over(make, tmp_path, odd):
    folder = make.run(tmp_path / "run", evals=[make.eval({"fd": 1.0}) | {"tables": odd}])
    (made,) = tables(read(folder))[0]
    assert not [row for part in made.parts for row in part.rows if row[1:] != ("–",)]

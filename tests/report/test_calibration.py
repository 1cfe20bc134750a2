"""Pictures of what was measured against what was asked."""

import base64

from genlab.report import write
from genlab.report.figures.calibration import _untrained, calibrations
from genlab.report.reading import read

LINE = {"counts": [5, 5], "asked": [0.0, 1.0], "measured": [0.1, 0.8], "low": [0.0, 0.7],
        "high": [0.2, 0.9]}  # fmt: skip
CURVES = {"level": {"samples": LINE, "real data": LINE, "trained": {"low": [0.0], "high": [0.6]}}}


def _row(make, curves, **protocol):
    return make.eval({"r2": 0.9}, name="control", **protocol) | {"curves": curves}


def test_each_number_has_a_picture_of_all_variants(make, tmp_path):
    other = {"level": {**CURVES["level"], "decoded": {**LINE, "measured": [0.3, 0.4]}}}
    rows = {"a": CURVES, "b": other}
    folder = make.sweep(
        tmp_path, {v: [{"evals": [_row(make, rows[v])]}, {"evals": [_row(make, rows[v])]}]
                   for v in rows}
    )  # fmt: skip
    ((heading, (drawn,)),) = calibrations(read(folder)).items()
    assert heading == "control" and drawn.title == "level, decoded"
    assert "b: 0.3 where 0 was asked, 0.4 where 1 was asked" in drawn.alt
    svg = base64.b64decode(drawn.uri.partition(",")[2]).decode()
    assert svg.startswith("<svg") and "currentColor" in svg
    assert "dasharray" not in svg  # real pictures are read by the network, which b's are not
    html = write(folder).html.read_text()
    assert 'id="control"' in html and "Measured level, decoded against asked" in html


def test_dashes_are_real_pictures_as_the_network_reads_them(make, tmp_path):
    folder = make.run(tmp_path, evals=[_row(make, CURVES)])
    (((drawn,)),) = calibrations(read(folder)).values()
    assert drawn.title == "level"
    assert "dasharray" in base64.b64decode(drawn.uri.partition(",")[2]).decode()


ODD = [
    3,
    {"level": 3},
    {"level": {"samples": {"asked": [1.0]}}},
    {"level": {"samples": {**LINE, "low": [None, 1.0]}}},
]


def test_curves_that_are_none_are_passed_over(make, tmp_path):
    """By themselves, and on a page of them all."""
    for i, odd in enumerate(ODD):
        folder = make.run(tmp_path / f"run{i}", evals=[_row(make, odd)])
        assert calibrations(read(folder)) == {}, odd
    runs = {f"odd{i}": [{"evals": [_row(make, odd)]}] for i, odd in enumerate(ODD)}
    folder = make.sweep(tmp_path / "sweep", runs)
    assert calibrations(read(folder)) == {} and 'id="control"' not in write(folder).html.read_text()


def test_what_was_not_trained_on_lies_between_and_beyond_what_was():
    trained = {"low": [0.1, 0.6], "high": [0.4, 0.9]}
    assert _untrained(0.0, 1.0, trained) == [(0.0, 0.1), (0.4, 0.6), (0.9, 1.0)]
    assert _untrained(0.1, 0.9, trained) == [(0.4, 0.6)]
    assert _untrained(0.0, 1.0, {}) == []

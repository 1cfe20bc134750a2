"""The size of the page of a real sweep."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_page_of_thirty_runs_stays_under_five_megabytes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    found = importlib.import_module("report_size").measured(tmp_path / "sweep")
    assert found["runs"] == 30
    assert found["pictures"] >= 30  # of every run one or more
    assert found["bytes"] < 5_000_000

"""What people said of samples: kept, read, refused. The run is a stand-in that computes nothing."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.feedback import tables, verdicts
from genlab.feedback.verdicts import Verdict
from genlab.runs.folder import RunFolder

MODEL, OTHER = "a" * 64, "b" * 64


class Run:
    """Sample i of seed s is the number 100 s + i."""

    method = SimpleNamespace(makes="image")
    step = 4

    def __init__(self, path, model=MODEL):
        self.folder = RunFolder(path)
        self.weights = SimpleNamespace(fingerprint=model)

    def drawn(self, request):
        return {"image": 100 * request.seed + np.arange(request.n)}


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def ask(seed=1, n=8):
    return {"n": n, "seed": seed}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_verdicts_are_appended_with_the_model_and_read_back(run):
    said = [Verdict(ask(), 3, 5, "second"), Verdict(ask(2), 0, None, "up")]
    path = verdicts.append(run, said[:1])
    before = path.read_bytes()
    verdicts.append(run, said[1:])
    assert path.read_bytes().startswith(before)  # nothing that is there is changed
    assert json.loads(before)["model"] == MODEL
    assert verdicts.read(run) == (said, {})


def test_verdicts_on_another_model_and_damaged_ones_are_left_out_and_counted(run):
    verdicts.append(run, [Verdict(ask(), 0, 1, "first")])
    verdicts.append(Run(run.folder.path, OTHER), [Verdict(ask(), 0, 1, "first")] * 2)
    path = run.folder.path / verdicts.FILE
    old = {"ask": ask(), "index": 0, "verdict": "up", "checkpoint": 4}
    odd = {**old, "model": MODEL, "index": 99}
    path.write_text(path.read_text() + json.dumps(old) + "\n" + json.dumps(odd) + "\n{torn")
    used, left_out = verdicts.read(run)
    assert used == [Verdict(ask(), 0, 1, "first")]
    assert left_out == {
        "feedback.jsonl: 1 of 6 lines cannot be read": 1,
        f"on another model, {OTHER[:12]} of round 4": 2,
        "without the fingerprint of a model": 1,
        "unusable: sample 99 of a request for 8: they are 0 to 7": 1,
    }


def test_without_verdicts_it_says_how_to_get_some(run):
    with pytest.raises(ConfigError, match=r"feedback\.jsonl is missing.*genlab serve.*--add"):
        verdicts.read(run)


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (Verdict(ask(), 0, None, "first"), "need other"),
        (Verdict(ask(), 0, 1, "down"), "are of one"),
        (Verdict(ask(), 0, 1, "better"), "expected one of up, down, first, second, tie"),
        (Verdict(ask(), 2, 2, "tie"), "and itself"),
        (Verdict(ask(), 0, 8, "tie"), "0 to 7"),
        (Verdict({**ask(), "between": [1, 2]}, 0, 1, "tie"), "'between' is not drawn again"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused_and_none_is_kept(run, verdict, says):
    with pytest.raises(ConfigError, match=says):
        verdicts.append(run, [Verdict(ask(), 0, 1, "tie"), verdict])
    assert not (run.folder.path / verdicts.FILE).exists()


def test_samples_are_drawn_again_once_each(run):
    said = [
        Verdict(ask(), 3, 5, "first"),
        Verdict(ask(2), 0, None, "up"),
        Verdict(ask(), 5, 1, "tie"),
    ]
    made, places = verdicts.pictures(run, said)
    assert sorted(made) == [101, 103, 105, 200]
    assert made[places[:, 0]].tolist() == [103, 200, 105]
    assert made[places[[0, 2], 1]].tolist() == [105, 101] and places[1, 1] == -1


def test_rows_of_the_page_are_requests_of_genlab_sample():
    asked = {"n": 2, "seed": 3, "given": {"hue": 0.5, "label": "dress"}, "truncation": None,
             "vary": {"column": "length", "start": 0.0, "stop": None, "steps": 4}}  # fmt: skip
    made = verdicts.request(asked)
    assert (made.n, made.seed, made.given) == (2, 3, {"hue": "0.5", "label": "dress"})
    assert made.vary == ("length", "0.0", None, 4) and verdicts.size(made) == 8


def test_a_table_beside_a_folder_of_samples(run, tmp_path):
    folder = tmp_path / "generated"
    folder.mkdir()
    record = {"n": 8, "seed": 1, "given": {"label": "3"}, "vary": None, "model": MODEL, "files": []}
    (folder / "request.json").write_text(json.dumps(record))
    text = "picture,other,verdict\n00003,images/00005.png,First\n4,,up\n"
    found = tables.read(run, written(tmp_path / "a.csv", text), folder)
    asked = {"n": 8, "seed": 1, "given": {"label": "3"}}
    assert found == [Verdict(asked, 3, 5, "first"), Verdict(asked, 4, None, "up")]
    (folder / "request.json").write_text(json.dumps({**record, "selection": {"best_of": 8}}))
    with pytest.raises(ConfigError, match="selected by a reward"):
        tables.read(run, tmp_path / "a.csv", folder)


def test_a_table_by_itself(run, tmp_path):
    head, line = "seed,n,given,picture,other,verdict,model\n", '2,8,"label=3,hue=0.5",3,1,tie,'
    file = written(tmp_path / "a.csv", f"{head}{line}{MODEL[:12]}\n")
    asked = {"n": 8, "seed": 2, "given": {"label": "3", "hue": "0.5"}}
    assert tables.read(run, file) == [Verdict(asked, 3, 1, "tie")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("picture,verdict\n1,up\n", "line 2: of which model.*aaaaaaaaaaaa of round 4"),
        (f"picture,verdict,n,model\n1,up,8,{OTHER}\n", "line 2: a verdict on another model, bbbb"),
        (f"picture,verdict,model\n1,up,{MODEL}\n", "of how many samples"),
        (f"picture,verdict,n,model\n1,good,8,{MODEL}\n", "line 2: verdict 'good'"),
        (f"picture,verdict,n,model\nx,up,8,{MODEL}\n", "picture='x': expected a whole number"),
        (f"picture,verdict,n,model\n,up,8,{MODEL}\n", "no picture"),
        (f"picture,verdict,n,model\n1,up,8,{MODEL},9\n", "more values than columns"),
        ("picture,verdcit\n1,up\n", "no column 'verdcit'.*verdict"),
        ("verdict\nup\n", "has no column 'picture'"),
        ("picture,verdict\n", "has no verdicts"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_by_its_line(run, tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        tables.read(run, written(tmp_path / "a.csv", text))

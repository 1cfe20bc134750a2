"""`genlab serve`: what the API answers and refuses. One small run, one application."""

import asyncio
import base64
import io
import json
import re
import zipfile

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import genlab
from genlab.config import ConfigError
from genlab.data import provenance
from genlab.feedback import verdicts
from genlab.web import runs
from genlab.web.answers import png
from genlab.web.app import application
from genlab.web.drawing import ROWS


def pictures(answer):
    assert answer.status_code == 200, answer.text
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(x)))) for x in answer.json()["images"]
    ]


def test_runs_are_listed_and_described_without_paths(client, folder):
    (one,) = client.get("/v1/runs").json()
    assert (one["id"], one["status"], one["step"]) == ("vae.seed0", "finished", 4)
    described = client.get("/v1/runs/vae.seed0").json()
    assert described["given"]["label"]["names"] == [str(i) for i in range(10)]
    assert {"sample", "reconstruct", "encode"} <= set(described["abilities"])
    everything = [client.get(f"/v1/{path}").text for path in ("runs", "runs/vae.seed0", "health")]
    everything.append(client.get("/v1/runs/vae.seed0/scores").text)
    assert not any(str(folder) in text for text in everything)
    assert [row["step"] for row in client.get("/v1/runs/vae.seed0/curves?after=2").json()] == [4]


def test_samples_are_those_of_genlab_sample_and_of_no_neighbour(client, folder):
    ask = {"n": 3, "seed": 5, "given": {"label": "7"}}
    alone = pictures(client.post("/v1/runs/vae.seed0/samples", json=ask))
    expected = genlab.load(folder / "vae/seed0").sample(3, seed=5, given={"label": "7"})
    np.testing.assert_array_equal(np.stack(alone)[..., None], np.asarray(expected))
    drawing = client.app.state.server.drawing["vae.seed0"]
    from genlab.web.asked import Ask

    others = [Ask(n=ROWS - 1, seed=9), Ask(**ask), Ask(n=40, seed=2)]
    crowd = drawing.draw(others)
    np.testing.assert_array_equal(crowd[1].made[..., 0], np.stack(alone))
    assert [len(one.made) for one in crowd] == [ROWS - 1, 3, 40]


def test_a_mistake_of_one_request_is_not_its_neighbours(client):
    from genlab.web.asked import Ask

    drawing = client.app.state.server.drawing["vae.seed0"]
    wrong, right = drawing.draw([Ask(n=2, given={"label": "none"}), Ask(n=2)])
    assert isinstance(wrong, ConfigError) and len(right.made) == 2


def test_strips_rows_and_conditions(client):
    vary = {"n": 2, "vary": {"column": "label"}}
    answer = client.post("/v1/runs/vae.seed0/samples", json=vary).json()
    assert answer["across"] == 10 and len(answer["images"]) == 20
    assert answer["conditions"]["label"] == [str(i) for i in range(10)] * 2
    places = [{"seed": 0, "n": 4, "index": 1}, {"seed": 1, "n": 4, "index": 2}]
    ask = {"between": places, "interpolate": 5, "given": {"label": "3"}}
    row = pictures(client.post("/v1/runs/vae.seed0/samples", json=ask))
    ends = [
        pictures(client.post("/v1/runs/vae.seed0/samples",
                             json={"n": 4, "seed": seed, "given": {"label": "3"}}))[i]
        for seed, i in ((0, 1), (1, 2))
    ]  # fmt: skip
    assert len(row) == 5
    for made, end in zip((row[0], row[-1]), ends, strict=True):
        assert np.abs(made.astype(int) - end).max() <= 1


def test_a_png_has_an_etag_and_says_what_made_it(client):
    url = "/v1/runs/vae.seed0/samples.png?n=4&seed=3&given=label=2"
    first = client.get(url)
    assert first.headers["content-type"] == "image/png"
    assert client.get(url).content == first.content
    again = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert client.get(url.replace("seed=3", "seed=4")).headers["etag"] != first.headers["etag"]
    text = Image.open(io.BytesIO(first.content)).info[provenance.KEY]
    assert json.loads(text)["settings"]["seed"] == 3


def test_a_stream_gives_every_sample_a_line_a_batch(client):
    answer = client.post("/v1/runs/vae.seed0/stream", json={"n": 70, "seed": 1})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [len(line["images"]) for line in lines] == [64, 6]
    once = client.post("/v1/runs/vae.seed0/samples", json=lines[1]["ask"])
    assert once.json()["images"] == lines[1]["images"]


def test_a_zip_has_the_chosen_samples_with_their_conditions(client):
    chosen = [{"run": "vae.seed0", "ask": {"n": 3, "given": {"label": "1"}}, "at": [0, 2]}]
    answer = client.post("/v1/pack", json={"chosen": chosen})
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert set(archive.namelist()) == {
        f"00_vae.seed0/{name}"
        for name in ("0000.png", "0002.png", "conditions.csv", "request.json")
    }
    table = archive.read("00_vae.seed0/conditions.csv").decode().split()
    assert table == ["file,label", "0000.png,1", "0002.png,1"]


def test_a_clients_picture_is_reconstructed_and_encoded(client, folder):
    image = np.asarray(genlab.load(folder / "vae/seed0").sample(1))[0]
    large = png(np.kron(image, np.ones((4, 4, 1), np.uint8)))
    made = client.post("/v1/runs/vae.seed0/reconstruct?given=label=3", content=large)
    assert np.asarray(Image.open(io.BytesIO(made.content))).shape == image.shape[:2]
    code = client.post("/v1/runs/vae.seed0/encode?given=label=3", content=png(image)).json()["code"]
    assert len(code) == 4
    without = client.post("/v1/runs/vae.seed0/encode", content=png(image))
    assert without.status_code == 422 and "give label too" in without.json()["error"]


def test_verdicts_are_kept_beside_the_run(client, folder):
    ask = {"n": 2, "seed": 1}
    kept = client.post(
        "/v1/runs/vae.seed0/feedback", json={"ask": ask, "index": 0, "verdict": "up"}
    )
    pair = {"ask": ask, "index": 0, "other": 1, "verdict": "second"}
    assert (
        client.post("/v1/runs/vae.seed0/feedback", json=pair).json()["kept"]
        == kept.json()["kept"] + 1
    )
    alone = client.post("/v1/runs/vae.seed0/feedback", json={**pair, "other": None})
    assert alone.status_code == 422 and "other" in alone.json()["error"]
    row = json.loads((folder / "vae/seed0/feedback.jsonl").read_text().splitlines()[-1])
    assert (row["verdict"], row["checkpoint"]) == ("second", 4)
    stale = client.post("/v1/runs/vae.seed0/feedback", json={**pair, "checkpoint": 2})
    assert stale.status_code == 422 and "draw it again" in stale.json()["error"]
    found = verdicts.read(genlab.load(folder / "vae/seed0"))
    said = [verdicts.Verdict(ask, 0, None, "up"), verdicts.Verdict(ask, 0, 1, "second")]
    assert (found[0][-2:], found[1]) == (said, {})


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("samples", b"{", 422, "JSON"),
        ("samples", b'{"n": 1e9}', 422, "n"),
        ("samples", b'{"n": 0}', 422, "n"),
        ("samples", b'{"seed": -1}', 422, "seed"),
        ("samples", b'{"seed": true, "n": "x"}', 422, "n"),
        ("samples", b'{"steps": 1}', 422, "steps"),
        ("samples", b'{"given": {"lable": "1"}}', 422, "label"),
        ("samples", b'{"given": {"label": "1e999"}}', 422, "label"),
        ("samples", b'{"truncation": NaN}', 422, "truncation"),
        ("samples", b'{"guidance": 2}', 422, "guidance"),
        ("samples", b"[" * 20_000, 400, "body"),
        ("reconstruct", b"not a picture", 422, "no picture"),
        ("reconstruct", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 422, "no picture"),
        ("../../etc/passwd", b"{}", 404, ""),
        ("nothing", b"{}", 404, ""),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(client, path, body, status, says):
    kind = {"Content-Type": "application/json"}
    answer = client.post(f"/v1/runs/vae.seed0/{path}", content=body, headers=kind)
    assert answer.status_code == status
    assert says in answer.json()["error"] and "Traceback" not in answer.text
    assert client.get("/v1/health").json()["status"] == "ok"


def test_a_run_that_is_not_served_is_a_404_whatever_its_name(client):
    for name in ("other", "%2e%2e%2fetc", "vae%2Fseed0", "..", "\u2603"):
        assert client.get(f"/v1/runs/{name}/scores").status_code == 404


def test_many_clients_at_once_get_each_their_own(client):
    async def all_at_once():
        server = client.app.state.server
        from genlab.web.asked import Ask

        asks = [Ask(n=1, seed=i) for i in range(60)]
        return await asyncio.gather(*(server.draw("vae.seed0", one) for one in asks))

    before = client.app.state.server.worker.calls
    made = asyncio.run(all_at_once())
    assert len({one.made.tobytes() for one in made}) == 60
    assert client.app.state.server.worker.calls - before < 20  # they were drawn together


def test_the_page_needs_nothing_from_elsewhere(client):
    names = "page picture paint samples search conditions about api dom docs".split()
    scripts = [f"/static/{name}.js" for name in names]
    for path in ("/", "/docs", "/static/page.css", *scripts):
        answer = client.get(path)
        text, imported = answer.text, re.findall(r'from "(.*?)"', answer.text)
        assert answer.status_code == 200 and set(imported) <= set(scripts)
        assert "https://" not in text and "http://" not in text.replace(
            "http://www.w3.org/2000/svg", ""
        )
    assert client.get("/static/../app.py").status_code == 404


def test_runs_of_one_name_are_told_apart(tmp_path):
    for folder in ("a/vae", "b/vae"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "status.json").write_text('{"status": "running"}')
    found = runs.found([tmp_path / "a" / "vae", tmp_path / "b" / "vae"])
    assert {one.id: one.name for one in found.values()} == {
        "vae.seed0": "vae/seed0", "vae.seed0.2": "vae/seed0 (2)",
    }  # fmt: skip


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="neither"):
        runs.found([tmp_path])


def test_what_is_said_stays_whole_where_a_folder_is_a_dot_or_a_letter(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "status.json").write_text('{"status": "running"}')
    for place, folder in ((tmp_path, "a"), (tmp_path / "a", ".")):
        monkeypatch.chdir(place)
        with TestClient(application(runs.found([folder]))) as made:
            missing = made.get("/v1/runs/a.b").json()["error"]
            assert missing == "no run 'a.b'; GET /v1/runs lists them"
            answer = made.get("/v1/runs/a.seed0")
            assert answer.status_code == 422 and str(tmp_path) not in answer.text

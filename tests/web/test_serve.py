"""`genlab serve`: what the API answers, refuses and bounds. One small run, one application."""

import asyncio
import base64
import io
import json
import threading
import zipfile
from email.message import Message
from functools import partial
from types import SimpleNamespace
from urllib.error import HTTPError

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from helpers import tiny
from PIL import Image
from uvicorn.server import ServerState

import genlab
from genlab import fit
from genlab.client import Client, Refused
from genlab.config import ConfigError
from genlab.data import provenance
from genlab.data.pictures import write_png
from genlab.feedback import verdicts
from genlab.web import runs
from genlab.web.app import application
from genlab.web.connection import Connection
from genlab.web.drawing import ROWS
from genlab.web.guard import BODY, Guard
from genlab.web.worker import Full, Job, Worker


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A VAE given a label, trained for four rounds, in a sweep's folder."""
    path = tmp_path_factory.mktemp("serve") / "sweep"
    fit(tiny.vae(given=("label",)), path / "vae" / "seed0")
    return path


@pytest.fixture(scope="module")
def client(folder):
    with TestClient(application(runs.found([folder])), base_url="http://localhost") as made:
        yield made


def pictures(answer):
    assert answer.status_code == 200, answer.text
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(x)))) for x in answer.json()["images"]
    ]


def png(image):
    held = io.BytesIO()
    write_png(held, image)
    return held.getvalue()


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
    assert found == (said, {})


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


def guarded(app, token=None, hosts=("localhost",)):
    return TestClient(Guard(app, token, hosts), base_url="http://localhost")


def test_the_guard_refuses_other_names_origins_and_sizes(client):
    behind = guarded(client.app)
    assert behind.get("/v1/health").headers["x-content-type-options"] == "nosniff"
    assert behind.get("/v1/health", headers={"Host": "evil.example"}).status_code == 421
    posted = behind.post("/v1/runs/x/samples", json={}, headers={"Origin": "http://evil.example"})
    assert posted.status_code == 403
    large = behind.post("/v1/runs/vae.seed0/reconstruct", content=b"0" * (BODY + 1))
    assert large.status_code == 413


@pytest.mark.parametrize("path", ["samples", "reconstruct"])
@pytest.mark.parametrize(("part", "status"), [(b"{", 408), (b"0" * (BODY // 2), 413)])
def test_a_body_that_dawdles_or_does_not_end_is_given_up(client, monkeypatch, path, part, status):
    """It says no length, so that only reading shows what it is."""
    monkeypatch.setattr("genlab.web.guard.SECONDS", 0.05 if status == 408 else 30)
    left, sent = [part] * (1 if status == 408 else 3), []

    async def receive():
        if not left:
            await asyncio.sleep(30)
        return {"type": "http.request", "body": left.pop(), "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    about = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
    scope = {**about, "path": f"/v1/runs/vae.seed0/{path}"}
    asyncio.run(Guard(client.app)(scope, receive, send))
    assert sent[0]["status"] == status
    assert json.loads(sent[1]["body"])["error"].startswith(
        ("the request did not", "a body may have")
    )


def test_another_address_wants_its_token(client):
    behind = guarded(client.app, "secret", ())
    assert behind.get("/").status_code == 200 and behind.get("/static/page.js").status_code == 200
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}):
        refused = behind.get("/v1/runs", headers=header)
        assert refused.status_code == 401 and "token" in refused.json()["error"]
    assert behind.get("/v1/runs", headers={"Authorization": "Bearer secret"}).status_code == 200
    assert behind.get("/openapi.json").status_code == 401


def test_a_full_worker_sends_away_and_loses_nothing():
    go, calls = threading.Event(), []

    def work(asked):
        go.wait(10)
        calls.append(len(asked))
        return list(asked)

    worker = Worker(together=4, waiting=6)
    first = worker.submit(Job("a", 1, work, 0))
    while worker._jobs:  # until the thread has taken it
        pass
    later = [worker.submit(Job("a", 1, work, i)) for i in range(1, 6)]
    with pytest.raises(Full) as full:
        worker.submit(Job("a", 1, work, 9))
    assert full.value.seconds >= 1 and worker.refused == 1
    go.set()
    assert [one.result(10) for one in (first, *later)] == list(range(6))
    assert calls == [1, 4, 1] and worker.held == 0
    worker.stop()


def test_a_failure_is_every_waiting_jobs_and_the_worker_goes_on():
    def work(asked):
        raise OSError("no device")

    worker = Worker()
    with pytest.raises(OSError):
        worker.submit(Job("a", 1, work, 0)).result(10)
    assert worker.submit(Job("b", 1, list, 1)).result(10) == 1
    worker.stop()


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
    for path in (
        "/",
        "/docs",
        "/static/page.js",
        "/static/picture.js",
        "/static/search.js",
        "/static/page.css",
        "/static/docs.js",
    ):
        text = client.get(path).text
        assert "https://" not in text and "http://" not in text.replace(
            "http://www.w3.org/2000/svg", ""
        )
    assert client.get("/static/../app.py").status_code == 404


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="neither"):
        runs.found([tmp_path])


RUN = "vae.seed0"


@pytest.fixture
def asking(client, monkeypatch):
    """A client whose requests go into the application; `answers` are given before it is asked."""
    made = Client("http://localhost/", token="t", tries=3)
    made.answers, made.slept, made.sent = [], [], []

    def urlopen(asked, timeout):
        made.sent.append(dict(asked.header_items()))
        if made.answers:
            raise made.answers.pop(0)
        got = client.request(
            asked.get_method(),
            asked.full_url,
            content=asked.data,
            headers=made.sent[-1],
        )
        if got.status_code >= 400:
            raise HTTPError(asked.full_url, got.status_code, "", Message(), io.BytesIO(got.content))
        return io.BytesIO(got.content)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setattr("genlab.client.time", SimpleNamespace(sleep=made.slept.append))
    return made


def busy(code=429, body=b'{"error": "4096 samples wait already"}'):
    headers = Message()
    headers["Retry-After"] = "2"
    return HTTPError("", code, "", headers, io.BytesIO(body))


def test_it_draws_remakes_and_keeps_what_the_run_does(asking, folder):
    run = genlab.load(folder / "vae" / "seed0")
    assert [one["id"] for one in asking.runs()] == [RUN]
    assert "reconstruct" in asking.describe(RUN)["abilities"]
    ask = {"n": 2, "seed": 3, "given": {"label": "7"}}
    drawn = asking.sample(RUN, **ask)
    assert drawn["conditions"]["label"] == ["7", "7"]
    expected = np.asarray(run.sample(2, seed=3, given={"label": "7"}))
    np.testing.assert_array_equal(
        [np.asarray(Image.open(io.BytesIO(one))) for one in drawn["images"]], expected[..., 0]
    )
    kept = asking.feedback(RUN, ask, 0, "first", other=1)
    assert asking.feedback(RUN, ask, 0, "up") == kept + 1
    again = asking.reconstruct(RUN, png(expected[0]), "label=7")
    assert np.asarray(Image.open(io.BytesIO(again))).shape == (8, 8)
    assert asking.sent[-1]["Content-type"] == "image/png"
    assert asking.sent[-1]["Authorization"] == "Bearer t"


def test_what_the_server_does_not_do_is_raised_in_its_words(asking):
    for call in (lambda: asking.edit(RUN, b"x"), lambda: asking.translate(RUN, {"image": b"x"})):
        with pytest.raises(Refused) as found:
            call()
        assert found.value.status in (400, 422) and str(found.value)
    with pytest.raises(Refused, match="nothing") as found:
        asking.describe("nothing")
    assert found.value.status == 404
    asking.answers.append(busy(502, b"<html>"))
    with pytest.raises(Refused, match="HTTP status 502"):
        asking.runs()


def test_a_busy_server_is_asked_again_when_it_says_so(asking):
    asking.answers += [busy(), busy()]
    assert asking.runs() and asking.slept == [2.0, 2.0]
    asking.answers += [busy()] * 3
    with pytest.raises(Refused, match="4096 samples wait"):
        asking.runs()
    assert len(asking.slept) == 4 and not asking.answers


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


def test_a_zip_is_of_no_more_samples_than_an_answer(client, monkeypatch):
    def pack(*asks):
        chosen = [{"run": "vae.seed0", "ask": ask} for ask in asks]
        return client.post("/v1/pack", json={"chosen": chosen})

    calls = client.app.state.server.worker.calls
    answer = pack(*[{"n": 64}] * 33)
    assert answer.status_code == 422 and "2048 at most" in answer.json()["error"]
    assert client.app.state.server.worker.calls == calls  # nothing was drawn
    monkeypatch.setattr("genlab.web.app.PACKED", 9)  # fewer than the label has names
    answer = pack({"n": 1, "vary": {"column": "label"}})
    assert answer.status_code == 422 and answer.json()["error"].startswith("10 samples")


def test_an_upload_weighs_by_its_bytes_while_it_waits(client, monkeypatch):
    weights, submit = [], client.app.state.server.worker.submit

    def weighed(job):
        weights.append(job.weight)
        return submit(job)

    monkeypatch.setattr(client.app.state.server.worker, "submit", weighed)
    large = png(np.random.default_rng(0).integers(0, 256, (300, 300, 1), np.uint8))
    client.post("/v1/runs/vae.seed0/encode?given=label=3", content=large)
    small = png(np.zeros((8, 8, 1), np.uint8))
    client.post("/v1/runs/vae.seed0/encode?given=label=3", content=small)
    assert weights == [1 + len(large) // 2**16, 1] and weights[0] == 2


def test_a_late_answer_and_a_full_server_say_when_to_ask_again(client, monkeypatch):
    go = threading.Event()
    client.app.state.server.worker.submit(Job("held", 1, lambda asked: [go.wait(10)], 0))
    monkeypatch.setattr("genlab.web.server.SECONDS", 0.02)
    late = client.post("/v1/runs/vae.seed0/samples", json={"n": 1})
    go.set()
    monkeypatch.setattr("genlab.web.guard.RUNNING", 1)
    behind = Guard(client.app)
    calls = TestClient(behind, base_url="http://localhost")
    assert calls.get("/v1/health").status_code == calls.get("/v1/health").status_code == 200
    behind.running = 1
    full = calls.get("/v1/health")
    for answer, says in ((late, "no answer within"), (full, "ask again")):
        assert answer.status_code == 503 and says in answer.json()["error"]
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_a_connection_whose_header_does_not_end_is_closed(monkeypatch, first):
    """At its opening and after an answer, which may itself take longer."""
    monkeypatch.setattr("genlab.web.connection.SECONDS", 0.05)

    async def app(scope, receive, send):
        await asyncio.sleep(0.1)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def heard():
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        made = partial(Connection, config, ServerState(), {})
        async with await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(first + b"GET / HTTP/1.1\r\nHos")
            try:
                return await asyncio.wait_for(reader.read(), 5)
            finally:
                writer.close()

    answer = asyncio.run(heard())
    assert answer.startswith(b"HTTP/1.1 204") if first else answer == b""

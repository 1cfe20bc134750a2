"""`genlab serve`: who is answered, how much at a time and how long it may take."""

import asyncio
import json
import threading
from functools import partial

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from uvicorn.server import ServerState

from genlab.web.answers import png
from genlab.web.connection import Connection
from genlab.web.guard import BODY, Guard
from genlab.web.worker import Full, Job, Worker


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

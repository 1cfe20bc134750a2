"""`genlab.client`: what it asks the server, what it makes of the answers."""

import io
from email.message import Message
from types import SimpleNamespace
from urllib.error import HTTPError

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.client import Client, Refused
from genlab.web.answers import png

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

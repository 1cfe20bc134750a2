"""A client's pictures over HTTP: repaired, translated, edited; what is refused."""

import base64
import io
import json
import struct
import zlib

import numpy as np
import pytest
from fastapi.testclient import TestClient
from helpers import given_pictures, tiny
from PIL import Image

from genlab import fit
from genlab.data import provenance
from genlab.data.pictures import write_png
from genlab.web import runs
from genlab.web.app import application
from genlab.web.runs import Served

X = np.full((4, 4, 3), 200, np.uint8)


def b64(image):
    held = io.BytesIO()
    write_png(held, image)
    return base64.b64encode(held.getvalue()).decode()


def bomb():
    """A PNG that says it has 60,000 x 60,000 pixels."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Runs that were not trained: one fills holes, one turns pictures into a style and back."""
    path, served = tmp_path_factory.mktemp("pictures"), {}
    for name, method in {"fill": given_pictures.Filler(), "turn": given_pictures.Turner()}.items():
        folder = path / name
        folder.mkdir()
        (folder / "status.json").write_text(json.dumps({"status": "finished", "step": 3}))
        run = given_pictures.run(method, folder)
        served[name] = Served(name, name, folder, run, seen=10)
    with TestClient(application(served), base_url="http://localhost") as made:
        yield made


def post(client, path, **body):
    return client.post(f"/v1/runs/{path}", json=body)


def pixels(answer, i=0):
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(base64.b64decode(answer.json()["images"][i])))
    return np.asarray(picture), picture.info


def test_what_is_masked_is_filled_and_the_picture_says_so(client):
    mask = np.zeros((8, 8, 1), np.uint8)
    mask[:4] = 255  # white: missing; of another size, as a browser paints it
    made, info = pixels(
        post(client, "fill/translate", pictures={"masked": b64(X), "mask": b64(mask)})
    )
    np.testing.assert_array_equal(made[2:], X[2:])
    np.testing.assert_array_equal(made[:2], 127)
    assert json.loads(info[provenance.KEY])["generated"] == "from another picture"


def test_there_and_back_are_described_and_done(client):
    told = client.get("/v1/runs/turn").json()
    assert "translate" in told["abilities"] and "edit" not in told["abilities"]
    assert told["ways"][1] == {"of": "style", "to": "image", "pictures": [], "masks": []}
    (way,) = client.get("/v1/runs/fill").json()["ways"]
    assert way == {"of": "masked", "to": "image", "pictures": [], "masks": ["mask"]}
    address = f"data:image/png;base64,{b64(X)}"  # as a browser has it
    answer = post(client, "turn/translate", pictures={"image": address}, to="style")
    assert pixels(answer)[0][0, 0, 0] == 55 and answer.json()["heads"] == ["image to style"]
    assert answer.json()["column"] == "style"


def test_large_pictures_weigh_more_while_they_wait(client, monkeypatch):
    weights, submit = [], client.app.state.server.worker.submit
    weighed = lambda job: weights.append(job.weight) or submit(job)  # noqa: E731
    monkeypatch.setattr(client.app.state.server.worker, "submit", weighed)
    large = b64(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    for file in (b64(X), large):
        assert post(client, "turn/translate", pictures={"image": file}).status_code == 200
    assert weights == [1, 1 + len(large) // 2**16] and weights[1] > 2


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("turn/translate", {}, "pictures"),
        ("turn/translate", {"pictures": {}}, "pictures"),
        ("turn/translate", {"pictures": {"image": "§"}}, "base64"),
        ("turn/translate", {"pictures": {"image": "AAAA"}}, "no picture"),
        (
            "turn/translate",
            {"pictures": {"image": base64.b64encode(bomb()).decode()}},
            "no picture",
        ),
        ("turn/translate", {"pictures": {"label": b64(X)}}, "no column of pictures"),
        ("turn/translate", {"pictures": {"../x": b64(X)}}, "no column '../x'"),
        ("turn/translate", {"pictures": {"style": b64(X)}}, "'image'"),
        ("turn/translate", {"pictures": {"image": b64(X)}, "to": "label"}, "no way"),
        ("turn/translate", {"pictures": {"image": b64(X)}, "seed": -1}, "seed"),
        ("turn/translate", {"pictures": {str(i): b64(X) for i in range(9)}}, "pictures"),
        ("turn/translate", {"pictures": {"image": b64(X)}, "given": {"hue": 1}}, "hue"),
        ("fill/translate", {"pictures": {"masked": b64(X)}}, "give mask too"),
        ("turn/edit", {"picture": b64(X)}, "cannot find a picture again"),
        ("fill/edit", {"picture": b64(X)}, "cannot find a picture again"),
        ("turn/edit", {"picture": b64(X), "by": [1e9]}, "by"),
        ("turn/edit", {"picture": b64(X), "by": [0.0] * 10}, "by"),
        ("turn/edit", {"picture": b64(X), "space": "q"}, "space"),
        ("turn/edit", {"picture": b64(X), "optimise": 10**9}, "optimise"),
        ("turn/edit", {"picture": b64(X), "direction": "a", "to": {"label": "b"}}, "one of them"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(client, path, body, says):
    answer = post(client, path, **body)
    assert answer.status_code == 422 and says in answer.json()["error"], answer.text
    assert "Traceback" not in answer.text and client.get("/v1/health").json()["status"] == "ok"


@pytest.mark.slow
def test_a_picture_is_found_again_and_edited(tmp_path):
    fit(tiny.vae(given=("label",)), tmp_path / "vae")
    with TestClient(
        application(runs.found([tmp_path / "vae"])), base_url="http://localhost"
    ) as made:
        (name,) = (run["id"] for run in made.get("/v1/runs").json())
        assert "edit" in made.get(f"/v1/runs/{name}").json()["abilities"]
        body = {"picture": b64(np.full(tiny.SHAPE, 90, np.uint8)), "given": {"label": "3"}}
        along = post(made, f"{name}/edit", **body, direction="random:0", by=[-1, 0, 1])
        assert along.json()["heads"] == ["found again", "random:0 -1", "random:0 0", "random:0 1"]
        np.testing.assert_array_equal(pixels(along)[0], pixels(along, 2)[0])
        under = post(made, f"{name}/edit", **body, to={"label": "5"})
        assert under.json()["heads"] == ["found again", "label 5"]
        assert post(made, f"{name}/edit", **body, direction="sefa:99").status_code == 422

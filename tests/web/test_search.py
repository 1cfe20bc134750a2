"""A search over HTTP for what one person likes."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from helpers import tiny

from genlab import fit
from genlab.feedback.search import LatentSearch
from genlab.web import runs
from genlab.web.app import application

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    path = tmp_path_factory.mktemp("searched")
    fit(tiny.vae(given=("label",)), path / "vae")
    served = runs.found([path / "vae"])
    with TestClient(application(served), base_url="http://localhost") as made:
        yield made


def post(client, **ask):
    return client.post("/v1/runs/vae.seed0/search", json=ask)


def test_it_is_the_search_of_genlab_feedback(client):
    began = {"given": {"label": "3"}, "seed": 5}
    first = post(client, **began).json()
    assert (first["answers"], first["best"], len(first["images"])) == (0, None, 2)
    second = post(client, **began, duels=[first["duel"]], wins=[True]).json()
    run = client.app.state.server.served["vae.seed0"].run()
    search = LatentSearch.of(run, began["given"], seed=5).answered(True)
    np.testing.assert_allclose(second["duel"], search.duel)
    np.testing.assert_allclose(second["best"], search.best)
    assert len(second["images"]) == 3
    assert post(client, **began, duels=[first["duel"]], wins=[True]).json() == second


@pytest.mark.parametrize(
    "ask, problem",
    [
        ({"duels": [[[0.0], [1.0]]], "wins": [True]}, "a point has"),
        ({"duels": [], "wins": [True]}, "1 wins of 0 duels"),
        ({"given": {"label": "none"}}, "label"),
        ({"duels": [[[11.0] * 8, [0.0] * 8]], "wins": [True]}, "less than or equal to 10"),
        ({"wins": "yes"}, "valid list"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(client, ask, problem):
    answer = post(client, **ask)
    assert answer.status_code == 422 and problem in answer.json()["error"]


def test_points_that_are_all_the_same_are_answered(client):
    same = [[[0.0] * _directions(client)] * 2] * 3
    assert post(client, duels=same, wins=[True, False, True]).status_code == 200


def _directions(client):
    return len(post(client).json()["duel"][0])

import pytest
from fastapi.testclient import TestClient
from helpers import tiny

from genlab import fit
from genlab.web import runs
from genlab.web.app import application


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A VAE given a label, trained for four rounds, in a sweep's folder."""
    path = tmp_path_factory.mktemp("serve") / "sweep"
    fit(tiny.vae(given=("label",)), path / "vae" / "seed0")
    return path


@pytest.fixture(scope="session")
def client(folder):
    """Its application, called without a port."""
    with TestClient(application(runs.found([folder])), base_url="http://localhost") as made:
        yield made

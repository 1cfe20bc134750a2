"""The API against its own document: whatever the document allows, and much that it does not, gets
an answer that it describes, and never a failure of the server.
"""

import json

import pytest
from helpers import given_pictures, tiny

from genlab import fit
from genlab.web import runs
from genlab.web.app import application
from genlab.web.runs import Served

schemathesis = pytest.importorskip("schemathesis", reason="pip install 'genlab[fuzz]'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Of three runs: one was trained and is given labels, two make pictures of pictures."""
    path = tmp_path_factory.mktemp("schema")
    fit(tiny.vae(given=("label",)), path / "vae")
    served = dict(runs.found([path / "vae"]))
    for name, method in {"fill": given_pictures.Filler(), "turn": given_pictures.Turner()}.items():
        (path / name).mkdir()
        (path / name / "status.json").write_text(json.dumps({"status": "finished", "step": 3}))
        run = given_pictures.run(method, path / name)
        served[name] = Served(name, name, path / name, run, seen=10)
    return schemathesis.openapi.from_asgi("/openapi.json", application(served))


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
def test_the_api_is_what_its_document_says(case):
    if "run" in case.path_parameters and case.headers.get("x-other") is None:
        case.path_parameters["run"] = ("vae", "fill", "turn")[hash(str(case.body)) % 3]
    case.call_and_validate()

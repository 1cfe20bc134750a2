"""The API against its own document: whatever the document allows, and much that it does not, gets
an answer that it describes, and never a failure of the server.
"""

import pytest
from helpers import tiny
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from

from genlab import fit
from genlab.web import runs
from genlab.web.app import application

schemathesis = pytest.importorskip("schemathesis", reason="pip install 'genlab[fuzz]'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Of a run that is given labels."""
    path = tmp_path_factory.mktemp("schema")
    fit(tiny.vae(given=("label",)), path / "vae")
    served = runs.found([path / "vae"])
    return schemathesis.openapi.from_asgi("/openapi.json", application(dict(served)))


# A run that cannot do what is asked, or not with these values, says so: 422, which is described.
checks = pytest.importorskip("schemathesis.checks")
checks.load_all_checks()
UNASKED = [checks.CHECKS.get_one("positive_data_acceptance")]
RUNS = "vae.seed0", "no run"


def test_the_api_is_what_its_document_says(document):
    """Not by Schemathesis's own fixture, which newer releases of pytest break."""
    tried = [operation.ok() for operation in document.get_all_operations()]
    assert len(tried) > 5
    for operation in tried:

        @settings(max_examples=40, derandomize=True, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(), run=sampled_from(RUNS))
        def answered(case, run):
            if "run" in case.path_parameters:
                case.path_parameters["run"] = run
            case.call_and_validate(excluded_checks=UNASKED, timeout=120)  # the first compiles

        answered()

"""`genlab export`: a folder that draws what the run draws, without genlab."""

import ast
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import tiny

import genlab
from genlab import fit
from genlab.config import ConfigError
from genlab.sampling.export import export
from genlab.sampling.model_card import card

ABOUT = {"genlab": "0.1.0", "batch": 16, "platforms": ["cpu"], "given": {}}
ALONE = """
import sys, numpy as np
sys.modules["genlab"] = None  # it must not be needed
sys.path.insert(0, sys.argv[1])
from load import Sampler
np.save(sys.argv[2], Sampler().sample(seed=5, label="3"))
np.save(sys.argv[3], Sampler().sample(seed=5, label=np.arange(4) % 3))
"""


def statements_lines(text):
    """Lines of code, without docstrings, imports and blank lines."""
    tree = ast.parse(text)
    for one in ast.walk(tree):
        if isinstance(one, ast.Module | ast.ClassDef | ast.FunctionDef):
            said = ast.get_docstring(one) is not None
            one.body = [
                x for x in one.body[said:] if not isinstance(x, ast.Import | ast.ImportFrom)
            ]
    return sum(bool(line.strip()) for line in ast.unparse(tree).splitlines())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "vae"
    fit(tiny.vae(given=("label",)), path)
    return path


def test_it_draws_what_the_run_draws_bit_for_bit(folder, tmp_path):
    out = export(folder, tmp_path / "out", batch=4)
    files = [str(tmp_path / name) for name in ("three.npy", "each.npy")]
    env = {**os.environ, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", ALONE, str(out), *files], check=True, env=env)
    run = genlab.load(folder)
    np.testing.assert_array_equal(np.load(files[0]), run.sample(4, seed=5, label="3"))
    from genlab.sampling.request import SampleRequest

    found = run.conditions(SampleRequest(4, 5, given={"label": "0"}))
    stored = {"label": np.arange(4) % 3}
    each = run.drawn(SampleRequest(4, 5), found._replace(stored=stored))["image"]
    np.testing.assert_array_equal(np.load(files[1]), each)
    about = json.loads((out / "sampler.json").read_text())
    assert about["platforms"] == ["cpu", "cuda", "tpu"] and about["shape"] == [4, 8, 8, 1]
    card = (out / "README.md").read_text()
    assert all(text in card for text in ("label", "Intended use", "4 rounds"))
    assert "Sampler().sample(seed=0, label='0')" in card
    assert statements_lines((out / "load.py").read_text()) == 20
    assert str(folder) not in card
    with pytest.raises(ConfigError, match="holds files already"):
        export(folder, out)


@pytest.mark.slow
def test_the_card_has_the_cost_and_the_scores_of_all_seeds_with_their_interval(tmp_path):
    scores = {"step": 4, "name": "bound", "baselines": {}, "protocol": {"split": "test"}}
    for seed in (0, 1):
        run = tmp_path / "plain" / f"seed{seed}"
        fit(tiny.vae(seed=seed), run)
        row = {**scores, "scores": {"elbo": -20.0 - seed}}
        (run / "evals.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "sweep.json").write_text(json.dumps({"variants": ["plain"], "seeds": [0, 1]}))
    said = card(genlab.load(tmp_path / "plain" / "seed0"), ABOUT)
    assert "## Cost" in said and "seeds 0, 1, of which this run is one" in said
    assert "-20.5 ± 6.4 (n=2)" in said

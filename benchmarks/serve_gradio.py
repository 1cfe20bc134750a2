"""A plain page of Gradio over a trained run, for `benchmarks/serve.py`: seed and category to a
picture. A Python that has Gradio runs it; genlab and JAX come from the folders that follow RUN.

    python benchmarks/serve_gradio.py RUN FOLDER ...
"""

import os
import sys

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
run, folders = sys.argv[1], sys.argv[2:]
sys.path.extend(folders)  # behind Gradio's own: it keeps the releases that it asks for

import gradio  # noqa: E402
import numpy as np  # noqa: E402

import genlab  # noqa: E402

trained = genlab.load(run)


def sample(seed, category):
    """One picture, uint8 [H, W, 3]."""
    return np.asarray(trained.sample(1, seed=int(seed), given={"category": category}))[0]


page = gradio.Interface(
    sample,
    [
        gradio.Number(0, precision=0),
        gradio.Dropdown(list(trained.source.columns["category"].names)),
    ],
    gradio.Image(format="png"),
    api_name="sample",
)
_, address, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
print(f"Gradio {gradio.__version__} at {address}", flush=True)
page.block_thread()

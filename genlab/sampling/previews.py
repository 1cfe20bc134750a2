"""Pictures drawn in the course of training."""

from collections.abc import Callable

import jax
import numpy as np
from jax import random

from genlab.data.sources import Source
from genlab.game import Method, State
from genlab.runs.folder import RunFolder
from genlab.runtime import compiler
from genlab.sampling.batch_norm import evaluation_variables
from genlab.sampling.pictures import picture, write_png
from genlab.sampling.sampler import Sampler, as_batch, grid_columns, labels_for, quantised

GRID = 64  # pictures in a grid of samples
POINTS = 2500  # points in a density plot
STREAM = 77  # latents of pictures, apart from training's and evaluation's


def stages(experiment, run: RunFolder) -> Callable[[int, State], None]:
    """A hook that draws the same latents at successive rounds, and reconstructions where there are
    any.
    """
    method, source = experiment.method, experiment.data
    sampler, columns = Sampler(method, source), grid_columns(method)
    count = POINTS if len(source.shape) == 1 else 6 * columns if columns else GRID
    z = method.latents(random.fold_in(random.key(experiment.seed), STREAM), count)
    cond = labels_for(method, count)
    rebuild = reconstructor(method)

    def draw(step: int, state: State) -> None:
        params, stats = _on_one_device(evaluation_variables(experiment, state))
        sheet = picture(sampler(params, stats, z, cond), columns)
        write_png(run.path / "samples" / f"{step:06d}.png", sheet)
        if rebuild:
            again = rebuild(params, stats, source)
            write_png(run.path / "samples" / f"reconstructions_{step:06d}.png", again)

    return draw


def reconstructor(method: Method) -> Callable | None:
    """`(params, stats, source) -> picture` of held-out images over their reconstructions; None
    where there are none.
    """
    if not hasattr(method, "reconstruct"):
        return None
    rebuild = compiler.jit(
        lambda params, stats, x, cond: method.reconstruct(params, stats, x, cond)
    )

    def draw(params, stats, source: Source) -> np.ndarray:
        held_out = source.read(
            "validation" if "validation" in getattr(source, "splits", ["validation"]) else "train",
            16,
        )
        x, cond = as_batch(held_out, method.classes)
        again = quantised(np.asarray(rebuild(params, stats, x, cond)))
        return picture(np.concatenate([held_out["image"][:16], again]), columns=16)

    return draw


def _on_one_device(tree):
    """A state's arrays whole on the first device, whatever placement they came from."""
    return jax.tree.map(lambda x: jax.device_put(np.asarray(x), jax.devices()[0]), tree)

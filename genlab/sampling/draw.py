"""`genlab sample`: grids, single pictures, arrays, interpolations and truncation from a trained
run.
"""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.game import Method
from genlab.sampling.batch_norm import evaluation_variables
from genlab.sampling.latents import interpolate, truncated
from genlab.sampling.pictures import picture, write_png
from genlab.sampling.sampler import Sampler, grid_columns, labels_for
from genlab.train.restore import trained

FORMATS = ("grid", "png", "npz")
STREAM = 79  # latents drawn on request, apart from training's and evaluation's


class SampleRequest(NamedTuple):
    """What to draw.

    label:       this one alone (conditional methods); None: all in turn
    truncation:  latents within +- this; None: the prior
    interpolate: pictures between each pair of latents, in rows of this many; None: none
    """

    n: int = 64
    seed: int = 0
    label: int | None = None
    truncation: float | None = None
    interpolate: int | None = None
    formats: tuple[str, ...] = ("grid",)


def generate(workdir: str | Path, request: SampleRequest, step: int | None = None) -> list[Path]:
    """Draws from the State that `evaluate` judges (or that of round `step`): the files written.

    Raises ConfigError for what the run cannot do.
    """
    run, training, step, state = trained(workdir, step)
    method = training.experiment.method
    _check(request, method, training.experiment.data.shape)
    params, stats = evaluation_variables(training.experiment, state)
    z, cond = _latents(method, request)
    made = Sampler(method, training.experiment.data)(params, stats, z, cond)
    columns = None if request.label is not None else grid_columns(method)
    name = f"{step:06d}_seed{request.seed}"
    return _write(run.path / "generated", name, made, cond, request, columns)


def _latents(method: Method, request: SampleRequest) -> tuple[Array, Array | None]:
    key = random.fold_in(random.key(request.seed), STREAM)
    rows = 2 * request.n if request.interpolate else request.n
    z = method.latents(key, rows)
    if request.truncation is not None:
        z = truncated(key, z.shape, request.truncation)
    cond = labels_for(method, request.n)
    if request.label is not None:
        cond = jnp.full((request.n,), request.label)
    if request.interpolate:
        z = interpolate(z[: request.n], z[request.n :], request.interpolate).reshape(
            -1, z.shape[-1]
        )
        cond = None if cond is None else jnp.repeat(cond, request.interpolate)
    return z, cond


def _write(folder: Path, name: str, made, cond, request: SampleRequest, columns) -> list[Path]:
    written = []
    if "grid" in request.formats:
        written.append(folder / f"{name}_{'interpolation' if request.interpolate else 'grid'}.png")
        write_png(written[-1], picture(made, columns=request.interpolate or columns))
    if "png" in request.formats:
        for i, image in enumerate(made):
            written.append(folder / name / f"{i:05d}.png")
            write_png(written[-1], image)
    if "npz" in request.formats:
        folder.mkdir(parents=True, exist_ok=True)
        written.append(folder / f"{name}.npz")
        np.savez(written[-1], image=made, **({} if cond is None else {"label": np.asarray(cond)}))
    return written


def _check(request: SampleRequest, method: Method, shape: tuple[int, ...]) -> None:
    unknown = [f for f in request.formats if f not in FORMATS]
    if unknown:
        raise ConfigError(f"no format {unknown[0]!r}; there is {', '.join(FORMATS)}")
    if "png" in request.formats and len(shape) != 3:
        raise ConfigError("single PNGs are for images, these are points: use --formats=grid,npz")
    if request.n < 1:
        raise ConfigError(f"--n is {request.n}; draw at least one")
    if request.label is not None and not 0 <= request.label < max(method.classes, 1):
        told = (
            f"0 .. {method.classes - 1}" if method.classes else "none: the model is not conditional"
        )
        raise ConfigError(f"--label={request.label}, but the labels are {told}")
    if request.truncation is not None and not request.truncation > 0:
        raise ConfigError(f"--truncation is {request.truncation}; it must be above 0")
    if request.interpolate is not None and request.interpolate < 2:
        raise ConfigError(
            f"--interpolate is {request.interpolate}; a row needs at least 2 pictures"
        )

"""`genlab sample`: grids, single files, arrays, interpolations, truncation; from a trained run."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Column, first_label
from genlab.data.pictures import write_png
from genlab.data.sources import Source
from genlab.game import Method
from genlab.game.abilities import Generates, require
from genlab.sampling.batch_norm import evaluation_variables
from genlab.sampling.conditions import Stored, asked, loaded, spread
from genlab.sampling.latents import interpolate, truncated
from genlab.sampling.sampler import Sampler, grid_columns
from genlab.train.restore import trained

FORMATS = ("grid", "png", "npz")
STREAM = 79  # latents drawn on request, apart from training's and evaluation's


class SampleRequest(NamedTuple):
    """What to draw.

    label:       this one for all (models given a label), its name or number; None: all in turn
    given:       the same for any column given, by name, as text: {"hue": "0.3"}
    truncation:  latents within +- this; None: the prior
    interpolate: pictures between each pair of latents, in rows of this many; None: none
    """

    n: int = 64
    seed: int = 0
    label: str | int | None = None
    given: Mapping[str, str] = {}
    truncation: float | None = None
    interpolate: int | None = None
    formats: tuple[str, ...] = ("grid",)


def generate(workdir: str | Path, request: SampleRequest, step: int | None = None) -> list[Path]:
    """Draws from the State that `evaluate` scores (or that of round `step`): the files written.

    Raises ConfigError for what the run cannot do.
    """
    run, training, step, state = trained(workdir, step)
    method, source = training.experiment.method, training.experiment.data
    require(method, Generates, "genlab sample")
    _check(request)
    params, stats = evaluation_variables(training.experiment, state)
    stored = conditions(request, method, source)
    z = _latents(method, request)
    if request.interpolate and stored:
        stored = {name: np.repeat(x, request.interpolate, axis=0) for name, x in stored.items()}
    made = Sampler(method, source)(params, stats, z, loaded(source, stored))
    fixed = request.label is not None or request.given
    columns = request.interpolate or (None if fixed else grid_columns(method, source))
    place = run.path / "generated" / f"{step:06d}_seed{request.seed}"
    drawn = {method.makes: made, **(stored or {})}
    return _write(place, drawn, source.columns[method.makes], request, columns)


def conditions(request: SampleRequest, method: Method, source: Source) -> Stored | None:
    """The stored conditions of the samples asked for; ConfigError for those that cannot be."""
    texts = dict(request.given)
    if request.label is not None:
        name = first_label({name: source.columns[name] for name in method.given})
        if name is None:
            raise ConfigError(
                f"--label={request.label}, but the model is not conditional on any label"
            )
        texts[name] = str(request.label)
    stored = spread(method, source, request.n)
    for name, value in asked(source.columns, method.given, texts).items():
        stored[name] = np.broadcast_to(value, (request.n, *value.shape))
    return stored


def _latents(method: Method, request: SampleRequest) -> Array:
    key = random.fold_in(random.key(request.seed), STREAM)
    z = method.latents(key, 2 * request.n if request.interpolate else request.n)
    if request.truncation is not None:
        z = truncated(key, z.shape, request.truncation)
    if request.interpolate:
        between = interpolate(z[: request.n], z[request.n :], request.interpolate)
        z = jnp.reshape(between, (-1, z.shape[-1]))
    return z


def _write(
    place: Path, drawn: Stored, column: Column, request: SampleRequest, columns: int | None
) -> list[Path]:
    """The files, named after `place`; the first of what is drawn is what the model makes."""
    made, written = next(iter(drawn.values())), []
    if "grid" in request.formats:
        kind = "interpolation" if request.interpolate else "grid"
        written.append(place.with_name(f"{place.name}_{kind}.png"))
        write_png(written[-1], column.draw(made, columns))
    if "png" in request.formats:
        place.mkdir(parents=True, exist_ok=True)
        written += [column.write(one, place / f"{i:05d}") for i, one in enumerate(made)]
    if "npz" in request.formats:
        place.parent.mkdir(parents=True, exist_ok=True)
        written.append(place.with_name(f"{place.name}.npz"))
        np.savez(written[-1], **drawn)
    return written


def _check(request: SampleRequest) -> None:
    unknown = [f for f in request.formats if f not in FORMATS]
    if unknown:
        raise ConfigError(f"no format {unknown[0]!r}; there is {', '.join(FORMATS)}")
    if request.n < 1:
        raise ConfigError(f"--n is {request.n}; draw at least one")
    if request.truncation is not None and not request.truncation > 0:
        raise ConfigError(f"--truncation is {request.truncation}; it must be above 0")
    if request.interpolate is not None and request.interpolate < 2:
        raise ConfigError(
            f"--interpolate is {request.interpolate}; a row needs at least 2 pictures"
        )

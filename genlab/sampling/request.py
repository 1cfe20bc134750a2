"""What is to be drawn from a trained run: how many, of which conditions, from which latents."""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError, check_seed
from genlab.data.columns import first_label
from genlab.data.sources import Readable
from genlab.game import Method
from genlab.sampling.conditions import Stored, asked, spread
from genlab.sampling.latents import interpolate, truncated

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


def conditions(request: SampleRequest, method: Method, source: Readable) -> Stored | None:
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
        stored = {**(stored or {}), name: np.broadcast_to(value, (request.n, *value.shape))}
    return stored


def latents(request: SampleRequest, method: Method) -> Array:
    """The latents asked for, [n, D]; with `interpolate` those between pairs, row after row.
    ConfigError for a seed that no generator takes.
    """
    check_seed(request.seed)
    key = random.fold_in(random.key(request.seed), STREAM)
    z = method.latents(key, 2 * request.n if request.interpolate else request.n)
    if request.truncation is not None:
        z = truncated(key, z.shape, request.truncation)
    if request.interpolate:
        between = interpolate(z[: request.n], z[request.n :], request.interpolate)
        z = jnp.reshape(between, (-1, z.shape[-1]))
    return z

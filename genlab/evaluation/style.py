"""`Style`: how much of the content a stylised picture keeps, and how near it is to the style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import random

from genlab.config import ConfigError
from genlab.data.columns import Image
from genlab.data.sources import Readable
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.convention import Each, means
from genlab.evaluation.outputs import outputs, way
from genlab.evaluation.parts import SAMPLES, Ranged
from genlab.game import Method, fresh
from genlab.game.networks import apply
from genlab.metrics import style as distances
from genlab.metrics.resampling import bootstrap
from genlab.runs.saved import fingerprint
from genlab.runtime import compiler
from genlab.sampling.sampler import batches

NETWORK, BATCH = "features", 100
UNSTYLED, PAIRS = "unstyled", "random pairs"


@dataclass(frozen=True)
class Style:
    """Distances in the feature maps of a network: `content`, of the output to the picture it is of,
    as a share of that between pictures of two rows; `style`, of Gram matrices, of the output to the
    picture in the style wanted, as a share of that of the picture as it is.

    Both stand beside those of the content picture as it is ("unstyled": content 0, style 1), and of
    pictures of other rows ("random pairs": content 1, the style of another style).

    style:    the column of pictures in the style wanted
    features: a network x -> maps, a tuple of [b, h, w, c]: `spec(trained, "runs/x", "net")`, or one
              with random weights, which then are the same for every run
    content:  the column stylised; "": the first picture given but for `style`
    layers:   of the maps, for content; for style all
    """

    style: str
    features: nn.Module
    content: str = ""
    layers: tuple[int, ...] = (-1,)
    samples: int = 200
    gives = ("content", "style")

    def column(self, method: Method, source: Readable) -> str:
        """The name of what is stylised."""
        kinds = source.columns
        given = [n for n in method.given if isinstance(kinds.get(n), Image) and n != self.style]
        return self.content or next(iter(given), method.makes)

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError, before anything is trained, for what it cannot score."""
        if self.samples < 2:
            raise ConfigError(f"Style of {self.samples} pictures; give at least 2")
        name = self.column(method, source)
        for column in (name, self.style, method.makes):
            if not isinstance(source.columns.get(column), Image):
                raise ConfigError(
                    f"Style(content={name!r}, style={self.style!r}): {column!r} is no column of "
                    f"pictures; the data have {', '.join(source.columns)}"
                )
        way(method, name, source.columns)

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the first `samples` of the split."""
        self.check(context.method, context.source)
        real = {name: x[: self.samples] for name, x in context.real.items()}
        name = self.column(context.method, context.source)
        maps = _Maps(self.features, real[self.style][:1])
        output, content, style = (
            maps(x) for x in (outputs(context, name, real), real[name], real[self.style])
        )
        other = [np.roll(x, 1, axis=0) for x in content], [np.roll(x, 1, axis=0) for x in style]
        sides = {
            SAMPLES: self._distances(output, content, style),
            UNSTYLED: self._distances(content, content, style),
            PAIRS: {
                "content": self._content(content, other[0]),
                "style": distances.gram_distance(style, other[1]),
            },
        }
        units = {
            "content": sides[PAIRS]["content"].mean(),
            "style": sides[UNSTYLED]["style"].mean(),
        }
        sides = {what: _shares(each, units) for what, each in sides.items()}
        table = {what: {"all": _shown(x, what)} for what, x in sides.items()}
        return EvaluationResult(
            means(sides[SAMPLES]),
            {"content": name, "style": self.style, "layers": str(self.layers),
             "features_sha256": maps.sha256, "real": len(real[name])},
            each=dict(sides[SAMPLES]), tables={"part": table},
        )  # fmt: skip

    def _distances(self, output: Sequence, content: Sequence, style: Sequence) -> Each:
        return {
            "content": self._content(output, content),
            "style": distances.gram_distance(output, style),
        }

    def _content(self, a: Sequence, b: Sequence) -> np.ndarray:
        return distances.content_distance(*([x[i] for i in self.layers] for x in (a, b)))


class _Maps:
    """The network, compiled once: pictures uint8 [N, H, W, C] to a tuple of maps."""

    def __init__(self, net: Any, like: np.ndarray):
        params, stats = fresh(net, NETWORK, random.key(0), _loaded(like))
        self.sha256 = fingerprint({"params": params[NETWORK], **stats.get(NETWORK, {})})

        def maps(x):
            found, _ = apply(net, NETWORK, params, stats, x, None, train=False)
            return tuple(found) if isinstance(found, tuple | list) else (found,)

        self._maps = compiler.jit(maps)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        parts = [self._maps(_loaded(images[at])) for at in batches(len(images), BATCH)]
        return [
            np.concatenate([np.asarray(x) for x in layer]) for layer in zip(*parts, strict=True)
        ]


def _loaded(images: np.ndarray):
    return jnp.asarray(images, jnp.float32) / 127.5 - 1.0


def _shares(each: Each, units: Mapping[str, float]) -> Each:
    """In these units; as they are where a unit is 0, as between equal pictures."""
    return {name: x / (units[name] or 1.0) for name, x in each.items()}


def _shown(each: Each, what: str) -> dict[str, float | Ranged]:
    if what != SAMPLES:
        return dict(means(each))
    return {name: Ranged(float(x.mean()), *bootstrap(np.mean, x)) for name, x in each.items()}

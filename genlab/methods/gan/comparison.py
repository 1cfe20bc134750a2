"""An output and its target: what a network that is given pictures is trained by, in pixels and in
the features of a network that nobody trains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import flax.linen as nn
from jax import Array

from genlab.config import ConfigError
from genlab.game import apply, fresh
from genlab.losses import features as of_features
from genlab.losses import pictures
from genlab.methods.gan import terms

NETWORK = "features"  # what the network is called in a game


@dataclass(frozen=True)
class Comparison:
    """Weighted losses between an output and its target.

    losses:   between the pictures, by name in `losses.pictures`, each a weight or a dict of
              `weight` and arguments: {"l1": 100.0}; an argument `mask` is the name of a column that
              the method is given: {"masked": {"weight": 1.0, "mask": "holes"}}
    features: a network x -> maps of features, a tuple of [b, h, w, c], or one of them; it is
              `spec(trained, "runs/x", "net")` of another run, or has random weights
    perceptual: between the two tuples of features, by name in `losses.features`, likewise
    """

    losses: Mapping = field(default_factory=dict)
    features: nn.Module | None = None
    perceptual: Mapping = field(default_factory=dict)

    def __post_init__(self):
        if not self.names:
            raise ConfigError(
                "a comparison has no losses: give losses={'l1': 1.0}, or features and perceptual"
            )
        if (self.features is None) is bool(self.perceptual):
            given, lacking = ("features", "perceptual")[:: -1 if self.perceptual else 1]
            raise ConfigError(f"a comparison has {given} and no {lacking}: give both or neither")
        for name, term in {**self._losses, **self._perceptual}.items():
            if term.start:
                raise ConfigError(f"the loss {name!r} has a memory: a comparison keeps none")

    @property
    def names(self) -> list[str]:
        """What its losses are called."""
        return [*self.losses, *self.perceptual]

    @property
    def weights(self) -> dict:
        """Every loss's weight by its name."""
        return terms.weights(self._losses, self._perceptual)

    def init(self, key: Array, x: Array) -> tuple[dict, dict]:
        """The network of features, if there is one."""
        return ({}, {}) if self.features is None else fresh(self.features, NETWORK, key, x)

    def values(
        self,
        params: dict,
        stats: dict,
        made: Sequence[Array],
        target: Array,
        key: Array,
        step: Array,
        cond: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """Of each loss its values, [b], summed over all that a network `made` for one target;
        `cond` is the columns given, masks among them.
        """
        found: dict[str, Array] = {}
        for output in made:
            named = self._of_one(params, stats, output, target, key, step, cond or {})
            found = {name: value + found.get(name, 0.0) for name, value in named.items()}
        return found

    def _of_one(self, params, stats, output: Array, target: Array, key: Array, step, cond):
        seen, losses = (output, target), self._with_masks(cond)
        values, _ = terms.measured(losses, {}, step, key, lambda own: (*seen, own))
        if self.features is None:
            return values
        both = tuple(self._maps(params, stats, x) for x in seen)
        more, _ = terms.measured(self._perceptual, {}, step, key, lambda own: (*both, own))
        return {**values, **more}

    def _maps(self, params, stats, x: Array) -> tuple[Array, ...]:
        found, _ = apply(self.features, NETWORK, params, stats, x, None, train=False)
        return tuple(found) if isinstance(found, tuple | list) else (found,)

    def _with_masks(self, cond: Mapping[str, Array]) -> dict[str, terms.Term]:
        """The losses of pictures, with the columns that they name as masks."""
        found = self._losses
        for name, given in self.losses.items():
            column = given.get("mask") if isinstance(given, Mapping) else None
            if isinstance(column, str):
                if column not in cond:
                    raise ConfigError(
                        f"losses.{name}.mask names {column!r}, and the method is given "
                        f"{', '.join(cond) or 'nothing'}: name the column in `given`"
                    )
                if cond[column].ndim != 4 or cond[column].shape[-1] != 1:
                    raise ConfigError(
                        f"losses.{name}.mask names {column!r}, of {cond[column].shape[1:]}: "
                        "expected a mask, one number for each pixel, as the column `holes`"
                    )
                fn = partial(found[name].fn, mask=cond[column])
                found[name] = found[name]._replace(fn=fn)
        return found

    @property
    def _losses(self) -> dict[str, terms.Term]:
        return terms.resolved(pictures, self.losses, "losses")

    @property
    def _perceptual(self) -> dict[str, terms.Term]:
        return terms.resolved(of_features, self.perceptual, "perceptual")

"""`Factors`: what is in a picture, its labels and numbers, read by a network trained on the set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
import optax
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError, choices, spec
from genlab.config.experiment import Experiment, Loop
from genlab.data.columns import Column, Label, Numbers, first_image, normalise
from genlab.data.sources import Readable, Source
from genlab.features.space import FeatureSpace, batched
from genlab.features.trained import trained
from genlab.methods.predictor import Heads, Predictor
from genlab.runs.ingredients import Ingredient
from genlab.runtime import compiler


class FactorReader(NamedTuple):
    """A trained network.

    columns: kinds of the columns that it reads, by name
    taps:    uint8 images [N, H, W, C] -> the network's outputs by column, and "features" [N, D]
    """

    columns: Mapping[str, Column]
    taps: Callable[[np.ndarray], dict[str, np.ndarray]]
    protocol: Mapping[str, Any]

    def read(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The columns by name, as stored [N, ...]."""
        return self.stored(self.taps(images))

    def stored(self, taps: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs as columns are stored."""
        return {name: kind.store(taps[f"column {name}"]) for name, kind in self.columns.items()}


@dataclass(frozen=True)
class Factors:
    """A network that reads labels and numbers off pictures, trained on the train split by Adam with
    a learning rate that falls from 1e-3 to 0 along a cosine. Give it another `trunk` (any `Down`)
    than the critic's: a network like the one that trained a generator flatters it.

    columns: those to read; () for all labels and numbers that the data have, by name, which is the
             order that a run folder keeps them in
    """

    trunk: nn.Module
    columns: tuple[str, ...] = ()
    steps: int = 2000
    batch_size: int = 128
    seed: int = 0

    def kinds(self, source: Readable) -> dict[str, Column]:
        """The columns that are read, by name; ConfigError for one that is neither a label nor a
        number, and where there is none.
        """
        known = {n: c for n, c in source.columns.items() if isinstance(c, Label | Numbers)}
        if odd := [name for name in self.columns if name not in known]:
            hint = choices(odd[0], known)
            raise ConfigError(f"Factors reads labels and numbers, and {odd[0]!r} is none{hint}")
        if not known:
            raise ConfigError("Factors reads labels and numbers, and the data have none")
        return {name: known[name] for name in self.columns or sorted(known)}

    def reader(self, config: Mapping, source: Source, image: str = "image") -> FactorReader:
        """The network for the data of `config`: trained, or taken from the cache."""
        found = self.network(config, source, image)
        net = config_lib.build(found.net)
        return reader_of(net, found.variables, self.kinds(source), {"reader_sha256": found.sha256})

    def network(self, config: Mapping, source: Source, image: str | None = None) -> Ingredient:
        """Network `net` of the run that the reader is: trained, or taken from the cache."""
        data = config["data"]
        return trained(
            spec(
                Experiment,
                method=self.game(source, image or first_image(source.columns) or "image"),
                data={**data, "augment": ()} if "augment" in data else data,
                optim={"predictor": spec(optax.adam, spec(falling, self.steps))},
                batch_size=self.batch_size,
                seed=self.seed,
                loop=spec(
                    Loop, self.steps, 50, devices=1, checkpoint_every=self.steps, sample_every=0,
                    keep=1,
                ),
                title="features: a reader of the data's factors",
            ),
            source,
        )  # fmt: skip

    def space(self, config: Mapping, source: Source) -> FeatureSpace:
        """The network as a space in which pictures are compared, by what its heads read from."""
        image = first_image(source.columns)
        if image is None:
            raise ConfigError("features=Factors reads pictures, and the data have no images")
        reader = self.reader(config, source, image)
        return FeatureSpace(
            reader.taps, {"features": "factors", **self.protocol, **reader.protocol}
        )

    def check(self, source: Readable) -> None:
        """ConfigError for data of which nothing can be read."""
        self.kinds(source)

    def game(self, source: Readable, image: str) -> ConfigDict:
        """The spec of the `Predictor` that is trained."""
        kinds = self.kinds(source)
        net = spec(Heads, self.trunk, {name: kind.shape[-1] for name, kind in kinds.items()})
        labels = tuple(name for name, kind in kinds.items() if isinstance(kind, Label))
        numbers = tuple(name for name in kinds if name not in labels)
        return spec(Predictor, net, labels=labels, numbers=numbers, image=image)

    @property
    def protocol(self) -> dict[str, Any]:
        """What a score by it depends on."""
        trunk = " ".join(repr(self.trunk).split())
        return {
            "reader": trunk, "reader_steps": self.steps, "reader_batch_size": self.batch_size,
            "reader_seed": self.seed,
        }  # fmt: skip


def falling(steps: int) -> optax.Schedule:
    """The learning rate: from 1e-3 to 0 along half a cosine."""
    return optax.cosine_decay_schedule(1e-3, steps)


def reader_of(
    net: Heads, variables: dict, kinds: Mapping[str, Column], protocol: Mapping[str, Any]
) -> FactorReader:
    """A reader of a network and its weights."""

    @compiler.jit
    def forward(images: jax.Array) -> dict[str, Any]:
        outputs, features = net.apply(variables, normalise(images), train=False)
        return {"features": features} | {f"column {name}": x for name, x in outputs.items()}

    return FactorReader(kinds, lambda images: batched(forward, images), protocol)

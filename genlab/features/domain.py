"""`Domain`: a small classifier trained on the data set itself.

The classifier is a game of one player, trained by the loop as any other run is, in a run folder
under the cache, by the fingerprint of its config: one set and architecture are trained once. Its
network is read from there as that of any trained run is. It never sees the test split.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
import numpy as np
import optax

from genlab import config as config_lib
from genlab.config import ConfigError, spec
from genlab.config.experiment import Experiment, Loop
from genlab.data.columns import first_image, first_label, normalise
from genlab.data.columns.column import Spreads
from genlab.data.sources import Source
from genlab.features.space import FeatureSpace, batched
from genlab.features.trained import trained
from genlab.methods.classifier import Classifier, Logits
from genlab.runs import ingredients
from genlab.runtime import compiler


@dataclass(frozen=True)
class Domain:
    """The output of `trunk` (any `Down`) in a classifier trained on the set's own train split;
    needs labels.
    """

    trunk: nn.Module
    steps: int = 1000
    batch_size: int = 128
    seed: int = 0

    def check(self, source: Source) -> None:
        """ConfigError for data without labels."""
        _labelled(source)

    def space(self, config: dict, source: Source) -> FeatureSpace:
        """The space for the data of `config`: trained, or taken from the cache.

        Raises ConfigError for a source without labels or without a finite number of examples.
        """
        if not hasattr(source, "read"):
            raise ConfigError(
                "features=Domain trains a classifier on the train split of a data set, and two "
                "sets of images are none: name it in a config's `evaluate`, or here use "
                "genlab.features:RandomConv"
            )
        _labelled(source)
        network = self.network(config, source)
        net = config_lib.build(network.net)

        @compiler.jit
        def forward(images):
            logits, features = net.apply(network.variables, normalise(images), train=False)
            return {"features": features, "logits": logits}

        def taps(images: np.ndarray) -> dict[str, np.ndarray]:
            return batched(forward, images)

        held_out = source.read("test")
        image, label, _ = _labelled(source)
        guesses = taps(held_out[image])["logits"].argmax(-1)
        accuracy = float((guesses == held_out[label]).mean())
        protocol = {
            "features": "domain",
            "features_sha256": network.sha256,
            "features_accuracy": round(accuracy, 4),
        }
        return FeatureSpace(taps, protocol)

    def network(self, config: Mapping, source: Source) -> ingredients.Ingredient:
        """Network `net` of the run that the classifier is: trained, or taken from the cache."""
        image, label, classes = _labelled(source)
        data = config["data"]
        net = spec(Logits, self.trunk, classes)
        config = spec(
            Experiment,
            method=spec(Classifier, net, makes=label, given=(image,)),
            data={**data, "augment": ()} if "augment" in data else data,
            optim={"classifier": spec(optax.adam, 1e-3)},
            batch_size=self.batch_size,
            seed=self.seed,
            loop=spec(
                Loop, self.steps, 50, devices=1, checkpoint_every=self.steps, sample_every=0, keep=1
            ),
            title="features: a classifier of the data",
        )
        return trained(config, source)


def _labelled(source: Source) -> tuple[str, str, int]:
    """The columns of images and of labels, and how many classes; ConfigError where one lacks."""
    image, label = first_image(source.columns), first_label(source.columns)
    kind = source.columns[label] if label else None
    if image is None or label is None or not isinstance(kind, Spreads):
        lacking = "images" if image is None else "labels"
        raise ConfigError(
            f"features=Domain trains a classifier, but the data have no {lacking}: use "
            "genlab.features:Pixels"
        )
    return image, label, kind.cycle

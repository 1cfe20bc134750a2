"""The autoencoders of `digits.py`, `products.py` and `small.py`: what each is and how many rounds
it has, so that all models have equal arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optax
import zoo_codes
import zoo_latents
from zoo_costs import COST
from zoo_parts import (
    ADAM,
    BOUNDED,
    CRITIC,
    HIDDEN,
    LATENT,
    PIXELS,
    SCALED,
    SEEN,
    run,
)

from genlab import Experiment, Loop, spec, trained
from genlab.data import mnist5k, products
from genlab.losses import bounds, posterior, spherical
from genlab.methods import VAE, ExPost, HierarchicalVAE, TwoStageVAE, adversaries
from genlab.nets import Decoder, Encoder, WithScale, fitted, flows, ladder, mlp, priors

LAW = 0.1  # of the rounds of a model, more, for a law that is fitted to its latents


@dataclass(frozen=True)
class Zoo:
    """shape: of an image; data: a spec of its set, of `examples` to train on
    label: a column of its labels
    rounds: of the VAE; cost: of a round of a variant, in rounds of the VAE, where it is not 1
    """

    shape: tuple[int, int, int]
    data: Any
    examples: int
    rounds: int
    cost: Mapping[str, float]
    label: str = "label"

    @property
    def theta(self) -> tuple[int, int, int]:
        """A location and a scale for each number of an image."""
        return (*self.shape[:2], 2 * self.shape[2])

    def experiment(self, title: str):
        """The VAE."""
        steps = self.rounds
        return spec(
            Experiment,
            title=title,
            method=spec(VAE, self.encoder(), self.decoder(), PIXELS),
            data=self.data,
            optim={"vae": ADAM},
            batch_size=64,
            evaluate=BOUNDED,
            loop=spec(Loop, steps, rounds_per_call=50, checkpoint_every=0, sample_every=steps),
        )

    def variants(self) -> dict[str, dict]:
        """Every variant; what is made from another run comes after it."""
        found = {**self.weighed(), **self.matched(), **self.adversarial(), **self.richer()}
        found |= zoo_codes.discrete(self) | self.afterwards()
        found |= zoo_latents.further(self) | zoo_codes.further(self)
        return {name: {**self.stages(name), **fields} for name, fields in found.items()}

    def stages(self, name: str, part: float = 1.0) -> dict:
        """The rounds of a variant that has this part of a model's arithmetic."""
        return self.share(part / self.cost.get(name, 1.0))

    def share(self, of: float) -> dict:
        """So many of the rounds of the VAE."""
        steps = max(50, round(of * self.rounds / 50) * 50)
        return {"loop.steps": steps, "loop.sample_every": steps}

    def weighed(self) -> dict[str, dict]:
        """Weights of the KL."""
        warm = spec(optax.linear_schedule, 0.0, 1.0, self.rounds // 2)
        more = spec(optax.linear_schedule, 0.0, 30.0, self.rounds // 4)
        return {
            "vae": {},
            "beta-vae": {"method.beta": 4.0},
            "warm-up": {"method.beta": warm},
            "free-bits": {"method.divergences": {"free_bits": {"weight": 1.0, "nats": 0.25}}},
            "capacity": {"method.divergences": {"capacity": {"weight": 5.0, "nats": more}}},
        }

    def matched(self) -> dict[str, dict]:
        """Divergences of the aggregated posterior."""
        n = {"examples": self.examples}
        parts = {
            "mutual_information": {"weight": 1.0, **n},
            "total_correlation": {"weight": 6.0, **n},
            "dimension_wise_kl": {"weight": 1.0, **n},
        }
        moments = {"weight": 10.0, "diagonal": 10.0}
        return {
            "beta-tc-vae": {"method.divergences": parts},
            "dip-vae": {"method.divergences": {"kl": 1.0, "moments": moments}},
            "info-vae": {"method.divergences": {"kl": 1.0, "rbf_mmd": 100.0}},
            "wae-mmd": {"method.divergences": {"imq_mmd": 100.0}},
            "swae": {"method.divergences": {"sliced_wasserstein": 100.0}},
        }

    def adversarial(self) -> dict[str, dict]:
        """A critic of latents, of pictures, of both."""
        deterministic = {**self.point(), "evaluate": SEEN}
        critics = {
            "factor-vae": (spec(adversaries.TotalCorrelation, CRITIC, 5.0), ("critic", "vae"), {}),
            "aae": (
                spec(adversaries.AlternatingPrior, CRITIC),
                ("vae", "critic", "encoder"),
                deterministic,
            ),
            "vae-gan": (
                spec(adversaries.Pictures, CRITIC),
                ("critic", "encoder", "decoder"),
                {"evaluate": SEEN},
            ),
            "bigan": (spec(adversaries.Joint, CRITIC), ("critic", "vae"), deterministic),
        }
        return {
            name: {"method.adversary": adversary, "optim": dict.fromkeys(players, ADAM), **more}
            for name, (adversary, players, more) in critics.items()
        }

    def richer(self) -> dict[str, dict]:
        """Tighter bounds, other posteriors and priors, two levels."""
        vamp = spec(priors.Vamp, self.shape, components=50)
        sphere = {
            "method.posterior": spec(spherical.von_mises_fisher),
            "method.encoder.numbers": LATENT + 1,
        }
        return {
            "iwae": {"method.bound": spec(bounds.iwae, 5)},
            "iaf": {"method.flow": spec(flows.InverseAutoregressive, 2, width=64)},
            "spline": {"method.flow": spec(flows.Spline, 4, width=64)},
            "hamiltonian": {"method.flow": spec(flows.Hamiltonian, steps=3)},
            "hyperspherical": sphere,
            "vamp": {"method.prior": vamp},
            "ladder": {"method": self.rungs()},
        }

    def afterwards(self) -> dict[str, dict]:
        """Regularised autoencoders, and laws of latents that are fitted to a trained one."""
        ten = spec(fitted.Mixture, 10)
        norms = {
            "method.divergences": {"squared_norm": 1e-2},
            "method.regularisers": {"squared_weights": 1e-4},
        }
        return {
            "rae": {**self.point(), **norms, "evaluate": SEEN},
            "normal-of-wae": self.after("wae-mmd", spec(fitted.Mixture, 1, forget=1.0)),
            "mixture-of-wae": self.after("wae-mmd", ten),
            "mixture-of-rae": {**self.after("rae", ten, noise=0.0), "evaluate": SEEN},
            "first-stage": {"method": self.scaled(), **self.stages("first-stage", 0.5)},
            "two-stage": self.two_stages(),
        }

    def encoder(self):
        """Of images to 16 Gaussians."""
        return spec(Encoder, spec(mlp.Down, HIDDEN, activation="relu"), latent=LATENT)

    def decoder(self):
        """To a logistic for each number."""
        return spec(Decoder, spec(mlp.Up, self.theta, HIDDEN))

    def point(self) -> dict:
        """A deterministic encoder."""
        return {
            "method.posterior": spec(posterior.point),
            "method.encoder.numbers": LATENT,
        }

    def rungs(self):
        """A ladder VAE of two levels; its KL warms up."""
        levels = {"latents": (32, LATENT), "widths": (256, 128)}
        warm = spec(optax.linear_schedule, 0.0, 1.0, self.rounds // 2)
        networks = spec(ladder.Encoder, **levels), spec(ladder.Decoder, self.theta, **levels)
        return spec(HierarchicalVAE, *networks, PIXELS, beta=warm)

    def after(self, variant: str, law, **noise) -> dict:
        """A law of a variant's latents."""
        parts = [spec(trained, run(variant), name) for name in ("encoder", "decoder")]
        return {
            "method": spec(ExPost, *parts, PIXELS, law, **noise),
            "optim": {"law": spec(optax.sgd, 0.0)},
            **self.share(LAW),
        }

    def scaled(self):
        """The VAE with one learned scale for all numbers, as a first stage needs it."""
        up = spec(mlp.Up, self.shape, HIDDEN)
        return spec(VAE, self.encoder(), spec(WithScale, spec(Decoder, up)), SCALED)

    def two_stages(self) -> dict:
        """A second VAE on the latents of `first-stage`."""
        first = [spec(trained, run("first-stage"), name) for name in ("encoder", "decoder")]
        up = spec(WithScale, spec(Decoder, spec(mlp.Up, (LATENT,), HIDDEN)))
        method = spec(TwoStageVAE, *first, SCALED, spec(VAE, self.encoder(), up, SCALED))
        return {"method": method, "evaluate": SEEN, **self.stages("two-stage", 0.5)}


DIGITS = Zoo((28, 28, 1), spec(mnist5k), 3_500, rounds=2_000, cost=COST["digits"])
PRODUCTS = Zoo(
    (28, 28, 3),
    spec(
        products,
        28,
        columns=("image", "category"),
        examples=20_000,
        validation=500,
        test=1_000,
    ),
    20_000,
    rounds=1_000,
    cost=COST["products"],
    label="category",
)

# %% [markdown]
# # A method
#
# A method is a game. It names its players; a player is a loss, the networks it owns, and how often it moves. One generic training step
# plays every game, so that a method of your own has no training loop, no optimiser code, and runs on any number of devices.
#
# As an example the adversarial autoencoder of Makhzani et al. 2015 (arXiv:1511.05644), Section 2: an autoencoder whose codes a critic compares
# with a Gaussian. It has three players, and two of them own the same encoder.

# %%
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax
from jax import random

import genlab
from genlab import Experiment, Loop, Player, spec
from genlab.data import digits
from genlab.game import apply, fresh
from genlab.losses.adversarial import nonsaturating
from genlab.nets import Decoder, Discriminator, Encoder, mlp

STEPS = 3000

# %% [markdown]
# A loss is a function `(params, stats, batch, key, step) -> (scalar, (stats, metrics))`. `params` holds the parameters of *every* network;
# gradients are taken for those that the player owns, and for no others, so that nothing is detached by hand: `match` below
# differentiates through the critic without ever changing it.
#
# `apply` calls a network by its name. `stats` are what networks carry besides parameters, such as BatchNorm's averages.


# %%
@dataclass(frozen=True)
class AdversarialAutoencoder:
    encoder: nn.Module
    decoder: nn.Module
    critic: nn.Module
    makes: str = "image"  # the column that it is a model of
    given: tuple[str, ...] = ()  # the columns that it is conditioned on

    def init(self, key, batch):
        """Fresh (params, stats), each by network."""
        x, z = batch[self.makes], self.latents(key, 2)
        takes = {"encoder": x, "decoder": z, "critic": z}
        made = [
            fresh(getattr(self, name), name, random.fold_in(key, number), value)
            for number, (name, value) in enumerate(takes.items())
        ]
        params = {name: tree for own, _ in made for name, tree in own.items()}
        stats = {name: tree for _, own in made for name, tree in own.items()}
        return params, stats

    def players(self):
        """In the order of play."""
        return {
            "autoencoder": Player(self.reconstruction, owns=("encoder", "decoder")),
            "critic": Player(self.tell_apart, owns=("critic",)),
            "prior": Player(self.match, owns=("encoder",)),
        }

    def reconstruction(self, params, stats, batch, key, step):
        x = batch[self.makes]
        (z, _), stats = apply(self.encoder, "encoder", params, stats, x)
        y, stats = apply(self.decoder, "decoder", params, stats, z)
        error = jnp.square(jnp.tanh(y) - x).mean()
        return error, (stats, {"error": error})

    def logits(self, params, stats, batch, key):
        """The critic's, of codes from the prior and from the data, [B] each."""
        (z, _), stats = apply(self.encoder, "encoder", params, stats, batch[self.makes])
        fake, stats = apply(self.critic, "critic", params, stats, z)
        real, stats = apply(self.critic, "critic", params, stats, self.latents(key, len(z)))
        return real, fake, stats

    def tell_apart(self, params, stats, batch, key, step):
        real, fake, stats = self.logits(params, stats, batch, key)
        loss = nonsaturating.critic(real, fake).mean()
        return loss, (stats, {"loss": loss})

    def match(self, params, stats, batch, key, step):
        real, fake, stats = self.logits(params, stats, batch, key)
        loss = nonsaturating.generator(real, fake).mean()
        return loss, (stats, {"loss": loss})

    # What a method can do is asked for by the name of a function: these make `run.sample`, `run.encode` and `run.reconstruct`.

    def latents(self, key, n):
        return random.normal(key, (n, self.encoder.latent))

    def generate(self, params, stats, z, cond=None):
        y, _ = apply(self.decoder, "decoder", params, stats, z, cond, train=False)
        return jnp.tanh(y)

    def encode(self, params, stats, x, cond=None):
        (z, _), _ = apply(self.encoder, "encoder", params, stats, x, cond, train=False)
        return z

    def reconstruct(self, params, stats, x, cond=None):
        return self.generate(params, stats, self.encode(params, stats, x, cond), cond)


# %% [markdown]
# Each player has its own optimiser. That a network is owned by two players is no special case: each keeps its own moments.

# %%
config = spec(
    Experiment,
    method=spec(
        AdversarialAutoencoder,
        spec(Encoder, spec(mlp.Down, (256, 256)), latent=2),
        spec(Decoder, spec(mlp.Up, (8, 8, 1), (256, 256))),
        spec(Discriminator, spec(mlp.Down, (128, 128))),
    ),
    data=spec(digits),
    optim={
        "autoencoder": spec(optax.adam, 1e-3),
        "critic": spec(optax.adam, 5e-4, b1=0.5),
        "prior": spec(optax.adam, 5e-4, b1=0.5),
    },
    loop=spec(Loop, steps=STEPS, rounds_per_call=50, checkpoint_every=0, sample_every=0),
)
genlab.fit(config, "runs/aae")
run = genlab.load("runs/aae", experiment=config)
run.metrics[-1]

# %% [markdown]
# Held-out digits and their reconstructions from two numbers each, then samples of the prior:

# %%
test = digits().read("test")
run.reconstruct(test["image"][:16])

# %%
run.sample(32, seed=0)

# %% [markdown]
# The codes of the test split, coloured by a label that the model never saw. The circles hold half, and 95 %, of the prior.

# %%
codes = run.encode(test["image"])
figure, axes = plt.subplots(figsize=(5, 5))
drawn = axes.scatter(*codes.T, c=test["label"], cmap="tab10", s=12)
for radius in (1.177, 2.448):
    axes.add_patch(plt.Circle((0, 0), radius, fill=False))
axes.set_aspect("equal")
figure.colorbar(drawn, ticks=range(10), label="digit")
plt.show()

# %% [markdown]
# * The game that this plays in, with what else a player may do (several moves a round, moving at once, looking ahead):
#   [how it works](../how.md#games).
# * Whether the pieces are right is a test: a round of your method equals its moves written out (`tests/test_game.py`).
# * Methods that are there, this one among them: [parts of a VAE](../vae.md), [losses of a GAN](../losses.md).

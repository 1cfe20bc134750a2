# %% [markdown]
# # A network
#
# A network here is a *role* around a *trunk*. The role says what goes in and comes out (`Generator`, `Discriminator`, `Encoder`,
# `Decoder`, `Translator`); the trunk is any module that maps one array to another. A trunk of your own may be written in Flax linen
# or in Flax NNX: here is the same critic in both.

# %%
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import nnx

import genlab
from genlab import Experiment, Loop, build, spec
from genlab.data import digits
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp, nnx_module

STEPS = 1000

# %% [markdown]
# ## In linen
#
# A trunk is called with the example, and with `cond`, the columns that the method is given (None here), and `train`. It returns
# features; the role makes a logit of them. Shapes are read from the data.


# %%
class Linen(nn.Module):
    width: int = 64

    @nn.compact
    def __call__(self, x, cond=None, train=True):  # [B, 8, 8, 1] -> [B, 2 width]
        x = nn.leaky_relu(nn.Conv(self.width, (3, 3), strides=2)(x), 0.2)
        x = nn.leaky_relu(nn.Conv(2 * self.width, (3, 3), strides=2)(x), 0.2)
        return x.mean((1, 2))


# %% [markdown]
# ## In NNX
#
# An NNX module makes its parameters at once, so it is told how many channels come in, and takes `rngs`. It has `cond` and `train`
# only if it wants them: layers such as `nnx.BatchNorm` and `nnx.Dropout` are put in training or inference mode for it.


# %%
class Nnx(nnx.Module):
    def __init__(self, channels=1, width=64, *, rngs: nnx.Rngs):
        self.first = nnx.Conv(channels, width, (3, 3), strides=2, rngs=rngs)
        self.second = nnx.Conv(width, 2 * width, (3, 3), strides=2, rngs=rngs)

    def __call__(self, x):  # [B, 8, 8, 1] -> [B, 2 width]
        x = nnx.leaky_relu(self.first(x), 0.2)
        return nnx.leaky_relu(self.second(x), 0.2).mean((1, 2))


# %% [markdown]
# `nnx_module` makes it a trunk. Both take the same place in a config, and have the same parameters:

# %%
trunks = {"linen": spec(Linen, width=16), "nnx": spec(nnx_module, Nnx, width=16)}

x = jnp.zeros((2, 8, 8, 1))
for name, trunk in trunks.items():
    critic = build(spec(Discriminator, trunk))
    variables = critic.init(jax.random.key(0), x)
    print(name, critic.apply(variables, x).shape, jax.tree.map(jnp.shape, variables["params"]))


# %% [markdown]
# ## Training both


# %%
def experiment(trunk):
    adam = spec(optax.adam, 1e-3, b1=0.5)
    return spec(
        Experiment,
        method=spec(
            GAN,
            spec(Generator, spec(mlp.Up, (8, 8, 1), (256, 256), norm="BatchNorm")),
            spec(Discriminator, trunk),
            latent=32,
            penalties={"r1": 0.1},
        ),
        data=spec(digits),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.99},
        loop=spec(Loop, steps=STEPS, rounds_per_call=50, checkpoint_every=0, sample_every=0),
    )


for name, trunk in trunks.items():
    genlab.fit(experiment(trunk), f"runs/{name}")

# %%
genlab.load("runs/linen", experiment=experiment(trunks["linen"])).sample(32, seed=0)

# %%
genlab.load("runs/nnx", experiment=experiment(trunks["nnx"])).sample(32, seed=0)

# %% [markdown]
# The two are drawn from unlike initial parameters, as linen and NNX fold their random keys differently; neither is better.
#
# * In a file rather than a notebook, a module is named by its path, `spec(nnx_module, "mine:Nnx", width=16)`, and the run folder is
#   enough to load it: [your own code](../own_code.md).
# * Networks that are there: [networks](../networks.md), and `genlab.nets` in the reference.
# * Labels, numbers and pictures as conditions of a trunk: [conditioning](../conditioning.md).

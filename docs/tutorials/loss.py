# %% [markdown]
# # A loss
#
# A loss is a pair of functions of logits, a penalty one of a critic and two batches. Here both are
# written in a notebook, trained, and put next to a loss that is there.

# %%
import jax.numpy as jnp
import optax

import genlab
from genlab import Experiment, Loop, Objective, spec
from genlab.data import digits
from genlab.evaluation.evaluators import Fidelity
from genlab.features import Domain
from genlab.losses.penalties import squared_norms
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp

STEPS = 2000

# %% [markdown]
# Both parts are minimised, per example: logits `[B]` in, losses `[B]` out. This is AdaBoost's:
# its best critic is the log-ratio of the densities of data and samples, as that of the usual one.

# %%
exponential = Objective(
    critic=lambda real, fake: jnp.exp(-real / 2) + jnp.exp(fake / 2),
    generator=lambda real, fake: jnp.exp(-fake / 2),
)

zero = jnp.zeros(3)
print(exponential.critic(zero, zero), exponential.generator(zero, zero))

# %% [markdown]
# A penalty: the squared norm of the critic's gradient halfway from data to samples. The key is for
# penalties that draw something.


# %%
def halfway(critic, real, fake, key):
    return squared_norms(critic, (real + fake) / 2) / 2


# %% [markdown]
# A config is calls written down. What is in memory, as these functions, may be part of it; `fit` warns that
# such a run cannot be made again from its folder alone. In a module it could: `objective="mine:exponential"`.


# %%
def experiment(objective, penalties):
    adam = spec(optax.adam, 1e-3, b1=0.5)
    method = spec(
        GAN,
        spec(Generator, spec(mlp.Up, (8, 8, 1), (128,), norm="BatchNorm")),
        spec(Discriminator, spec(mlp.Down, (128,))),
        latent=16,
        objective=objective,
        penalties=penalties,
    )
    features = spec(Domain, spec(mlp.Down, (128, 32), activation="relu"))
    return spec(
        Experiment,
        method=method,
        data=spec(digits),
        optim={"disc": adam, "gen": adam},
        evaluate={"fidelity": spec(Fidelity, features, samples=300)},
        loop=spec(Loop, steps=STEPS, rounds_per_call=50, checkpoint_every=0, sample_every=0),
    )


mine = experiment(exponential, {"halfway": {"fn": halfway, "weight": 0.1}})
genlab.fit(mine, "runs/exponential")
genlab.fit(experiment("nonsaturating", {"r1": 0.1}), "runs/usual")
run = genlab.load("runs/exponential", experiment=mine)

# %% [markdown]
# Samples of a run are an array that shows itself. Of the new loss, then of the usual one:

# %%
run.sample(32, seed=0)

# %%
genlab.load("runs/usual").sample(32, seed=0)

# %% [markdown]
# Every term is logged, the penalty by its name:

# %%
{name: round(value, 3) for name, value in run.metrics[-1].items() if name.startswith("disc/")}

# %% [markdown]
# Scores on the held-out split: the Fréchet distance in the features of a classifier trained on the set, and that of real data.

# %%
for name in ("exponential", "usual"):
    (row,) = genlab.evaluate(f"runs/{name}")
    print(f"{name:12} {row['scores']['fd']:6.2f}   real data {row['baselines']['fd']:.2f}")

# %% [markdown]
# One run of each says nothing about which loss is better. A sweep of an experiment file trains several seeds, and
# the report compares them with intervals: [a cluster](cluster.ipynb) has such a file, [evaluation](../evaluation.md) says what a score is.
#
# * In a file, a loss is named by its path, `objective="mine:exponential"`: [your own code](../own_code.md).
# * Losses that are there, with formula, source and measured error: [losses](../losses.md).
# * A paper's loss belongs in `genlab/losses/`, with its equation and an oracle in `tests/losses/`.

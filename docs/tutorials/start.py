# %% [markdown]
# # Start in five minutes
#
# From a checkout, in a fresh environment (Python 3.11 or newer; a CPU will do):
#
# ```sh
# pip install -e '.[tutorials]'
# ```
#
# This page trains a GAN on 8×8 digits, draws from it, scores it, and says where to go from there. It is a notebook, as all
# tutorials are: its source is `docs/tutorials/start.py`, and Jupyter opens `docs/tutorials/start.ipynb`.

# %%
import matplotlib.pyplot as plt
import optax

import genlab
from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.evaluation.evaluators import Fidelity
from genlab.features import Domain
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp

# %% [markdown]
# ## A config
#
# `spec(f, ...)` writes the call `f(...)` down and checks its arguments. An experiment is such calls within one another: a method
# and its networks, data, an optimiser for each player, what to measure, how long to train.

# %%
STEPS = 3000  # rounds: one move of the critic, one of the generator

adam = spec(optax.adam, 1e-3, b1=0.5)
config = spec(
    Experiment,
    method=spec(
        GAN,
        spec(Generator, spec(mlp.Up, (8, 8, 1), (256, 256), norm="BatchNorm")),
        spec(Discriminator, spec(mlp.Down, (256, 256))),
        latent=32,
        objective="nonsaturating",
        penalties={"r1": 0.1},
    ),
    data=spec(digits),
    optim={"disc": adam, "gen": adam},
    ema={"gen": 0.99},
    evaluate={
        "fidelity": spec(
            Fidelity, spec(Domain, spec(mlp.Down, (128, 32), activation="relu")), samples=300
        )
    },
    loop=spec(Loop, steps=STEPS, rounds_per_call=50),
)

# %% [markdown]
# ## A run
#
# `fit` trains in a folder. Interrupt it and run the cell again: it goes on from its last checkpoint, and ends with the same bits
# as a run that was never interrupted.

# %%
state = genlab.fit(config, "runs/start")

# %% [markdown]
# The folder is all that is needed to use the run, on any machine. Samples are an array, which a notebook shows as a picture:

# %%
run = genlab.load("runs/start")
run.sample(32, seed=0)

# %% [markdown]
# ## What it did
#
# Every term of every loss is logged by the player's name. The critic's loss is 2 log 2 = 1.386 when it tells nothing apart;
# neither loss says how good samples are.

# %%
log = run.metrics
for name in ("disc/adversarial", "gen/adversarial"):
    plt.plot(log["step"], log[name], label=name)
plt.xlabel("round")
plt.legend()
plt.show()

# %% [markdown]
# ## How good it is
#
# Scores are of the held-out test split, and never without their protocol and the score of real data, which a perfect model would
# get. Here: the Fréchet distance, precision, recall and coverage in the features of a classifier trained on the set.

# %%
(row,) = genlab.evaluate("runs/start")
for name, value in row["scores"].items():
    print(f"{name:10} {value:8.3f}   real data {row['baselines'].get(name, float('nan')):8.3f}")

# %% [markdown]
# One seed proves nothing. The same from the command line, with several seeds and variants, intervals and a report, is a sweep of
# an experiment file:
#
# ```sh
# genlab sweep --config=experiments/gan_vs_vae/digits.py --workdir=runs/digits --seeds=0,1,2
# ```
#
# ## Where to go
#
# * Change one thing: [a loss](loss.ipynb), [a network](network.ipynb), [a method](method.ipynb), [a data set](data.ipynb),
#   [a metric](metric.ipynb).
# * More machines: [many devices](devices.ipynb), [a cluster](cluster.ipynb).
# * Why it works: [how it works](../how.md). All commands: [commands](../commands.md). Your own pictures:
#   [pictures](../pictures.md).

# %% [markdown]
# # A data set
#
# Arrays become a data set of named columns, each of a kind. A model is given some of them, and samples are asked for by their values.

# %%
import numpy as np
import optax

import genlab
from genlab import Experiment, Loop, spec
from genlab.data import from_columns
from genlab.data.columns import Numbers
from genlab.losses import likelihood
from genlab.methods import VAE
from genlab.nets import Decoder, Encoder, mlp

STEPS = 2000

# %% [markdown]
# Two thousand pictures of a bar: its angle, which has a period, and whether it is thin or wide.

# %%
rng = np.random.default_rng(0)
angle = rng.uniform(0, np.pi, 2000)
width = rng.integers(0, 2, 2000)
y, x = np.mgrid[-1:1:12j, -1:1:12j]
away = np.abs(x * np.sin(angle)[:, None, None] - y * np.cos(angle)[:, None, None])
inside = (away < np.array([0.15, 0.4])[width][:, None, None]) & (x**2 + y**2 < 1)
image = np.uint8(255 * inside)[..., None]

# %% [markdown]
# The kinds of pictures and of words are inferred. That an angle begins anew at pi is not in the numbers, so it is said:
# networks get its cosine and sine.

# %%
data = from_columns(
    {
        "image": image,
        "angle": np.float32(angle)[:, None],
        "width": np.array(["thin", "wide"])[width],
    },
    {"angle": Numbers(("angle",), (0.0,), (float(np.pi),), period=(float(np.pi),))},
    validation=200,
    test=200,
)
for name, kind in data.columns.items():
    print(name, kind)

# %% [markdown]
# A VAE that is given both: its encoder and its decoder receive them, so that its latent need not keep them.

# %%
method = spec(
    VAE,
    spec(Encoder, spec(mlp.Down, (128,)), latent=2),
    spec(Decoder, spec(mlp.Up, (12, 12, 1), (128,))),
    spec(likelihood.bernoulli),
    given=("angle", "width"),
)
config = Experiment(
    method,
    data,
    {"vae": spec(optax.adam, 2e-3)},
    loop=Loop(steps=STEPS, rounds_per_call=50, checkpoint_every=0, sample_every=0),
)
genlab.fit(config, "runs/bars")
run = genlab.load("runs/bars", experiment=config)

# %% [markdown]
# Wide bars that lean to one side; then the angle along each row, once round, with everything else as it is.

# %%
run.sample(8, given={"angle": 0.8, "width": "wide"}, seed=1)

# %%
run.vary("angle", (0.0, 3.14), steps=10, n=2, given={"width": "thin"})

# %% [markdown]
# What was asked for can be measured, here by hand: the angle of a sample's principal axis.


# %%
def measured(pictures):
    weight = np.asarray(pictures)[..., 0] / 255.0
    xy, xx, yy = ((weight * part).sum((1, 2)) for part in (x * y, x * x, y * y))
    return 0.5 * np.arctan2(2 * xy, xx - yy) % np.pi


asked = np.linspace(0.2, 2.9, 7)
found = [measured(run.sample(32, given={"angle": float(a), "width": "thin"})) for a in asked]
for a, f in zip(asked, found, strict=True):
    print(f"asked {a:.2f}, measured {np.median(f):.2f}")

# %% [markdown]
# Files instead of arrays: `spec(folder, "photos", attributes="table.csv", columns=("angle", "width"))`
# ([your own pictures](../pictures.md)); a set of which a batch is computed is a class with `columns` and `batch`
# ([data](../data.md)).

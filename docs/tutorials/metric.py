# %% [markdown]
# # A metric
#
# Two kinds of measurement can be added. A *comparison* takes two sets of images and gives numbers; a config names it among the scores of
# `Fidelity`, and `genlab evaluate --scores=mine:ink` uses it on images of any program. An *evaluator* takes a trained model and its data, and
# may measure anything.

# %%
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import optax
from scipy.stats import wasserstein_distance

import genlab
from genlab import Experiment, Loop, evaluation, features, spec
from genlab.data import digits
from genlab.evaluation import EvaluationResult
from genlab.evaluation.evaluators import Fidelity
from genlab.losses import likelihood
from genlab.methods import VAE
from genlab.nets import Decoder, Encoder, mlp

STEPS = 3000

# %% [markdown]
# ## A comparison of two sets
#
# How much ink a picture has is one number; two sets of pictures are compared by the Wasserstein-1 distance between the distributions of that
# number. A comparison is a function of two `SampleSet`s. `needs` declares what it takes from them (here the pictures; without it the features
# of a network), so that a set without it is refused before anything is computed.
#
# It belongs in a module, which a config and the command line name by its path:

# %%
# %%writefile ink.py
import numpy as np
from scipy.stats import wasserstein_distance

from genlab.evaluation import needs
from genlab.evaluation.sample_set import gives


def of(images):
    """The share of ink of each picture, uint8 [N, H, W, C] -> [N]."""
    return np.asarray(images, np.float64).mean((1, 2, 3)) / 255


@needs("images")
@gives("ink")
def ink(real, fake):
    """The Wasserstein-1 distance between the shares of ink, 0 to 1, lower is better."""
    return {"ink": float(wasserstein_distance(of(real.images), of(fake.images)))}


# %% [markdown]
# Before it is used it is tried on what is known: a set against itself, and against itself with a tenth more light, where the distance is the
# mean of what was added.

# %%
from ink import of

real = digits().read("test")["image"]
lighter = np.uint8(np.minimum(255.0, real * 1.1))
for name, other in {"itself": real, "lighter": lighter}.items():
    found = evaluation.compare(real, other, features=features.Pixels(), scores=("ink:ink",))
    print(f"{name:8} {found.scores['ink']:.5f}   expected {(of(other) - of(real)).mean():.5f}")

# %% [markdown]
# ## An evaluator of a model
#
# An evaluator is a frozen dataclass that is called with a context: the method, its weights, the split, samples under the run's seed. It returns
# scores, the protocol (all that the numbers depend on), and what belongs to them: the same score of real data, pictures, values by example.


# %%
@dataclass(frozen=True)
class Ink:
    """`ink` and `ink_ratio`, the spread of ink of samples over that of the data, 1 is best."""

    samples: int = 1000
    gives = ("ink", "ink_ratio")

    def __call__(self, context):
        real = of(context.real[context.method.makes])
        made = of(context.samples(self.samples))
        train = of(context.source.read("train")[context.method.makes])
        return EvaluationResult(
            {"ink": wasserstein_distance(real, made), "ink_ratio": made.std() / real.std()},
            protocol={"samples": self.samples, "real": len(real)},
            baselines={
                "ink": wasserstein_distance(real, train),
                "ink_ratio": train.std() / real.std(),
            },
        )


# %% [markdown]
# Both in one config, for two models that differ in one number: the weight of the KL.


# %%
def experiment(beta):
    method = spec(
        VAE,
        spec(Encoder, spec(mlp.Down, (256,)), latent=8),
        spec(Decoder, spec(mlp.Up, (8, 8, 1), (256,))),
        spec(likelihood.bernoulli),
        beta=beta,
    )
    return spec(
        Experiment,
        method=method,
        data=spec(digits),
        optim={"vae": spec(optax.adam, 1e-3)},
        evaluate={
            "ink": spec(Ink),
            "fidelity": spec(
                Fidelity, spec(features.Pixels), samples=300, scores=("fd", "ink:ink")
            ),
        },
        loop=spec(Loop, steps=STEPS, rounds_per_call=50, checkpoint_every=0, sample_every=0),
    )


made = {}
for beta in (1.0, 4.0):
    genlab.fit(experiment(beta), f"runs/beta{beta:g}")
    run = genlab.load(f"runs/beta{beta:g}", experiment=experiment(beta))
    made[beta] = run.sample(1000, seed=0)
    for row in genlab.evaluate(f"runs/beta{beta:g}"):
        shown = {
            k: f"{v:.4f} (real data {row['baselines'][k]:.4f})" for k, v in row["scores"].items()
        }
        print(f"beta {beta:g}, {row['name']}: {shown}")

# %% [markdown]
# What the number is of. The samples are means of the decoder and too much alike, the more so the higher the weight of the KL, which a distance
# between means of sets would not have shown:

# %%
bins = np.linspace(0.2, 0.45, 40)
plt.hist(of(real), bins, density=True, alpha=0.4, label="test split")
for beta, images in made.items():
    plt.hist(of(images), bins, density=True, histtype="step", label=f"samples, beta {beta:g}")
plt.xlabel("share of ink")
plt.legend()
plt.show()

# %% [markdown]
# * A score is recorded in the run's `evals.jsonl` with its protocol, and a report puts rows of unlike protocols in unlike tables:
#   [evaluation](../evaluation.md).
# * Of a score that is a mean over examples give the values (`each={"ink": [N]}`): the report then has intervals within a run.
# * What is there, with its reference implementation and the difference from it: [metrics](../metrics.md).

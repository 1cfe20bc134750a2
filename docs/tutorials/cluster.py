# %% [markdown]
# # A cluster
#
# A sweep is variants times seeds, each a run in a folder of its own. By default the launcher trains them one after another; an *executor* trains them
# in other processes instead: `local`, subprocesses of this machine, or `slurm`, jobs of a cluster. All that passes between the launcher and a job is the
# run's folder, so both work alike, and what is shown here with `local` is what happens on Slurm.
#
# ```sh
# pip install 'genlab[cluster,frames]'
# ```
#
# An experiment file has `config()`, and `sweep()` with overrides of its fields by variant:

# %%
# %%writefile experiment.py
import optax

from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.evaluation.evaluators import Bound, Reconstruction
from genlab.losses import likelihood
from genlab.methods import VAE
from genlab.nets import Decoder, Encoder, mlp

STEPS = 2000


def config():
    method = spec(
        VAE,
        spec(Encoder, spec(mlp.Down, (256,)), latent=8),
        spec(Decoder, spec(mlp.Up, (8, 8, 1), (256,))),
        spec(likelihood.bernoulli),
    )
    return spec(
        Experiment,
        title="How wide a latent?",
        method=method,
        data=spec(digits),
        optim={"vae": spec(optax.adam, 1e-3)},
        evaluate={"bound": spec(Bound), "reconstruction": spec(Reconstruction)},
        loop=spec(Loop, steps=STEPS, rounds_per_call=100, checkpoint_every=1000, sample_every=1000),
    )


def sweep():
    return {"two": {"method.encoder.latent": 2}, "eight": {}}


# %% [markdown]
# ## Jobs
#
# Two runs at a time. On a cluster the line differs in its options alone:
#
# ```sh
# genlab sweep --config=experiment.py --workdir=/shared/latents --executor=slurm --jobs=16 \
#     --slurm.partition=gpu --slurm.gpus_per_node=1 --slurm.time=600
# ```

# %%
# !genlab sweep --config=experiment.py --workdir=runs/latents --seeds=0,1 --executor=local --jobs=2 2>&1 | tail -n 30

# %% [markdown]
# The same command again submits what is missing: after a launcher was killed, a node died, a run failed or seeds were added. Jobs that are still running are
# found again by their ids (`jobs.json`), finished runs are skipped.

# %%
# !genlab sweep --config=experiment.py --workdir=runs/latents --seeds=0,1 --executor=local --jobs=2 2>&1 | grep -i skipped

# %% [markdown]
# ## What came of it
#
# The report, `runs/latents/report.html`, is written by the launcher. In a notebook the sweep is a table:

# %%
import genlab

sweep = genlab.load_sweep("runs/latents")
table = sweep.table()
table.groupby(["variant", "checkpoint"])[["bound/elbo", "reconstruction/psnr"]].agg(
    ["mean", "std"]
).round(2)

# %%
sweep.run("two", seed=0).sample(16, seed=0)

# %%
sweep.run("eight", seed=0).sample(16, seed=0)

# %% [markdown]
# What a job of Slurm survives (its time is over, it is preempted, its node dies) and every option: [sweeps on a cluster](../cluster.md). Several GPUs for one run:
# [many devices](devices.ipynb).

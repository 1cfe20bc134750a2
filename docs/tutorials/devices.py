# %% [markdown]
# # Many devices
#
# The training step is written once, for the whole batch. Where it runs is a matter of `loop`: all devices there are, a number of them, a
# state that is copied to each or divided among them. Without accelerators the same can be tried on a CPU that plays several devices; that is
# set before JAX is used.

# %%
import jax

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_platforms", "cpu")

import numpy as np
import optax

import genlab
from genlab import Experiment, Loop, spec
from genlab.config import ConfigError
from genlab.data import digits
from genlab.losses import likelihood
from genlab.methods import VAE
from genlab.nets import Decoder, Encoder, mlp

STEPS = 300
jax.devices()


# %%
def experiment(steps=STEPS, **loop):
    method = spec(
        VAE,
        spec(Encoder, spec(mlp.Down, (256,)), latent=8),
        spec(Decoder, spec(mlp.Up, (8, 8, 1), (256,))),
        spec(likelihood.bernoulli),
    )
    return spec(
        Experiment,
        method=method,
        data=spec(digits),
        optim={"vae": spec(optax.sgd, 1e-3)},
        batch_size=64,
        loop=spec(
            Loop, steps=steps, rounds_per_call=50, checkpoint_every=0, sample_every=0, **loop
        ),
    )


# %% [markdown]
# ## The same numbers on one device and on four
#
# Which rows a batch has, and every random number, are functions of the seed and the round, not of a device. What differs is the order in
# which sums are taken, in the last bits of float32.

# %%
one = genlab.fit(experiment(devices=1), "runs/one")
four = genlab.fit(experiment(devices=4), "runs/four")


def furthest(a, b):
    gaps = jax.tree.map(
        lambda x, y: np.abs(np.asarray(x) - np.asarray(y)).max(), a.params, b.params
    )
    return max(jax.tree.leaves(gaps))


largest = max(np.abs(np.asarray(x)).max() for x in jax.tree.leaves(one.params))
print(f"largest parameter {largest:.3f}, largest difference {furthest(one, four):.1e}")

# %% [markdown]
# ## A state divided over the devices
#
# By default every device has all parameters. With `sharding="full"` each leaf is split along one axis, and gathered when a move needs it: a state
# of a fourth per device, for a gather in each move.

# %%
split = genlab.fit(experiment(devices=4, sharding="full"), "runs/split")
print(f"largest difference {furthest(one, split):.1e}")
for name, state in {"copied": four, "divided": split}.items():
    kernel = state.params["encoder"]["trunk"]["Dense_0"]["kernel"]
    print(f"{name:8} {kernel.shape}, on each device {kernel.addressable_shards[0].data.shape}")

# %% [markdown]
# ## On with other devices
#
# A checkpoint knows nothing of devices. A run that began on four goes on with two, and ends where one on a single device does:

# %%
genlab.fit(experiment(STEPS // 2, devices=4), "runs/moved")
moved = genlab.fit(experiment(devices=2), "runs/moved")
print(f"round {int(moved.step)}, largest difference {furthest(one, moved):.1e}")

# %% [markdown]
# Samples of a run are drawn on whatever there is. Of the run on one device, and of the one that moved, from the same latents:
# (They are blurred: 300 rounds of plain SGD are few. Adam would magnify the last bits, and hide what is compared here.)

# %%
genlab.load("runs/one").sample(16, seed=0)

# %%
genlab.load("runs/moved").sample(16, seed=0)

# %% [markdown]
# ## One device, one program
#
# `placement="pmap"` runs the step on each device with its own rows and its own random numbers, and averages gradients. The numbers then depend on how
# many there are, so a run keeps to it; resuming on another number is refused before anything is compiled:

# %%
genlab.fit(experiment(100, devices=4, placement="pmap"), "runs/pmap")
try:
    genlab.fit(experiment(200, devices=2, placement="pmap"), "runs/pmap")
except ConfigError as error:
    print(error)

# %% [markdown]
# * Several machines: `genlab train ... --coordinator=HOST:PORT --processes=N --process=I` on each, or `srun genlab train ...`
#   ([devices](../devices.md)).
# * What it would need on TPUs that are not at hand, before renting them: `genlab bench --topology=v5e:4x4` ([scaling](../scaling.md)).
# * Why the numbers do not depend on the devices: [how it works](../how.md#placements).

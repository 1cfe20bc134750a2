"""A user's own terms, each sound until its time has come, and a small game to train in a process of
its own.
"""

import jax.numpy as jnp
import numpy as np
import optax

from genlab import Objective, spec
from genlab.data import from_arrays
from genlab.losses import adversarial, likelihood
from genlab.losses.penalties import Carried, scores
from helpers import tiny

AT = 5  # moves before a fault
MARKED = 300  # the example that breaks `marked`: not among those of the first rounds


def broken(n):
    """NaN once AT moves are made, else nothing."""
    return jnp.where(n >= AT, jnp.nan, 0.0)


def _counted(critic=lambda n: 0.0, generator=lambda n: 0.0):
    sound = adversarial.nonsaturating
    return Objective(
        critic=lambda real, fake, n: sound.critic(real, fake) + critic(n),
        generator=lambda real, fake, n: sound.generator(real, fake) + generator(n),
        start=(0.0,),
        remember=lambda real, fake, n: (n + 1,),
    )


critic_fails = _counted(critic=broken)
generator_fails = _counted(generator=broken)
penalty = Carried(
    (0.0,), lambda critic, x, fake, key, n: (scores(critic, x) ** 2 + broken(n), (n + 1,))
)
regulariser = Carried(
    (0.0,), lambda scene, n: (scores(scene.critic, scene.fake) + broken(n), (n + 1,))
)
rootless = Carried(  # its value is finite, its gradient is not
    (0.0,),
    lambda critic, x, fake, key, n: (
        jnp.sqrt(jnp.where(n >= AT, 0.0, 1.0) * scores(critic, x) ** 2),
        (n + 1,),
    ),
)


def schedule():
    """A weight that is no number from round AT on."""
    return lambda step: jnp.where(step >= AT, jnp.nan, 1.0)


def pictures():
    """512 images of noise, one of them white."""
    made = np.random.default_rng(0).integers(0, 255, (512, *tiny.SHAPE), dtype=np.uint8)
    made[MARKED] = 255
    return from_arrays(made, validation=0, test=0)


def marked():
    """Bernoulli, and NaN for the white image."""
    sound = likelihood.bernoulli()

    def log_prob(theta, x):
        return sound.log_prob(theta, x) + jnp.where((x > 0.99).all(axis=(1, 2, 3)), jnp.nan, 0.0)

    return sound._replace(log_prob=log_prob)


def config():
    """Adam, EMA and BatchNorm in both networks; a checkpoint after every round, two kept: saving
    and deleting never rest.
    """
    loop = {"steps": 60, "rounds_per_call": 1, "log_every": 1, "checkpoint_every": 1, "keep": 2}
    return tiny.gan(
        critic_norm="BatchNorm",
        optim=spec(optax.adam, 1e-3, b1=0.5),
        ema={"gen": 0.9},
        loop=loop,
    )

"""Products tried on: a garment by itself and a figure, to the figure that wears it, holds it or has
it beside it; 64x64, of which the right answer is known.

Run:    genlab sweep --config=experiments/try_on/try_on.py --workdir=runs/try_on
Shows:  experiments/try_on/results/try_on.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import products
from genlab.evaluation import Restoration, Warp
from genlab.features import RandomConv
from genlab.methods import Comparison, Regression
from genlab.methods.tryon import TryOn
from genlab.nets import Translator, unet, warping

SEEDS = (0, 1, 2)
SIZE, WIDTH, STEPS, TESTED = 64, 16, 2_000, 500
GIVEN = ("body", "garment")


def composer(channels):
    return spec(unet.UNet, channels, WIDTH, dropout=0.0)


def matched(kind):
    """Geometric matching by a kind of warp, then composition."""
    matcher = spec(Translator, spec(warping.Matching, "garment", kind, width=WIDTH), bounded=False)
    painter = spec(Translator, composer(4), bounded=False)
    return spec(TryOn, matcher, painter, spec(Comparison, {"l1": 1.0}))


def direct():
    """No matching: one network that is given both."""
    network = spec(Translator, composer(3))
    return spec(Regression, network, spec(Comparison, {"l1": 1.0}), makes="dressed", given=GIVEN)


def adam(*players):
    return dict.fromkeys(players, spec(optax.adam, 1e-3, b1=0.5))


def judged(samples):
    picture = spec(Restoration, "body", classics={}, features=spec(RandomConv), samples=samples)
    return {"picture": picture, "warp": spec(Warp, samples=samples)}


def stages(steps):
    return spec(
        Loop, steps=steps, rounds_per_call=20, log_every=20, sample_every=steps, checkpoint_every=0
    )


def config():
    return spec(
        Experiment,
        title="Try-on",
        method=matched("spline"),
        data=spec(products, SIZE, ("dressed", *GIVEN), validation=TESTED, test=TESTED),
        optim=adam("match", "gen"),
        batch_size=16,
        evaluate=judged(TESTED),
        loop=stages(STEPS),
    )


def sweep():
    picture = {"picture": judged(TESTED)["picture"]}
    return {
        "spline": {},
        "affine": {"method": matched("affine")},
        "direct": {"method": direct(), "optim": adam("gen"), "evaluate": picture},
    }

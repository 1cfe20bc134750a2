"""Products recoloured, six colours as six domains: 32x32 products, of which the right answers are
known.

Run:    genlab sweep --config=experiments/translation/colours.py --workdir=runs/translation_colours
Shows:  experiments/translation/results/colours.md (see README.md)
"""

from translation import WIDTH, adam, judged, shown, stages

from genlab import Experiment, spec
from genlab.data.sets.products.columns import COLOURS
from genlab.methods import Comparison, Regression
from genlab.methods.translation import StarGAN
from genlab.nets import Translator, stargan, translation

SEEDS = (0, 1, 2)
STEPS = 5_000  # rounds, of six moves each with a critic


def methods():
    """By name the method and its players: without pairs, pictures with the names of their own
    colours; and, as the bound, with pairs.
    """
    trunk = spec(
        translation.ResNet,
        width=WIDTH // 2,
        blocks=3,
        norm="AffineInstanceNorm",
        padding="zeros",
    )
    translator = spec(Translator, trunk)
    critic = spec(stargan.Discriminator, {"colour": len(COLOURS)}, width=WIDTH, depth=4)
    pairs = {"makes": "image", "given": ("recoloured", "colour")}
    return {
        "stargan": (spec(StarGAN, translator, critic, given=("colour",)), ("disc", "gen")),
        "supervised": (
            spec(Regression, translator, spec(Comparison, {"l1": 1.0}), **pairs),
            ("gen",),
        ),
    }


def variants(steps):
    """Both on the same task: a product that was dyed, and the name of the colour it had."""
    return {
        name: {
            "data": shown("image", "recoloured", "colour"),
            "method": method,
            "optim": dict.fromkeys(players, adam(steps)),
            "evaluate": judged("recoloured"),
        }
        for name, (method, players) in methods().items()
    }


def config(steps=STEPS):
    first = next(iter(variants(steps).values()))
    return spec(Experiment, title="Recolouring", batch_size=16, loop=stages(steps), **first)


def sweep(steps=STEPS):
    return variants(steps)

"""Products recoloured, six colours as six domains: 2 methods x 3 seeds, 32x32 products, of which
the right answers are known.

Run:    genlab sweep --config=experiments/translation/colours.py --workdir=runs/translation_colours
Shows:  experiments/translation/results/colours.md (see README.md)
"""

from translation import BATCH, WIDTH, adam, judged, regression, shown, stages, translator

from genlab import Experiment, spec
from genlab.data.sets.products.columns import COLOURS
from genlab.methods.translation import StarGAN
from genlab.nets import stargan

SEEDS = (0, 1, 2)
STEPS = 1_000  # rounds, of six moves each with a critic
CRITIC_MOVES = 5


def methods(width):
    """By name the method and its players: without pairs, pictures with the names of their own
    colours; and, as the bound, with pairs.
    """
    network = translator(width)
    critic = spec(stargan.Discriminator, {"colour": len(COLOURS)}, width=width, depth=4)
    moves = {"critic_moves": CRITIC_MOVES}
    return {
        "stargan": (spec(StarGAN, network, critic, given=("colour",), **moves), ("disc", "gen")),
        "supervised": (regression(network, "image", "recoloured", "colour"), ("gen",)),
    }


def variants(steps, width):
    """Both on the same task: a product that was dyed, and the name of the colour it had."""
    return {
        name: {
            "data": shown("image", "recoloured", "colour"),
            "method": method,
            "optim": adam(steps, players, CRITIC_MOVES),
            "evaluate": judged("recoloured"),
        }
        for name, (method, players) in methods(width).items()
    }


def config(steps=STEPS, width=WIDTH, batch=BATCH):
    first = next(iter(variants(steps, width).values()))
    return spec(Experiment, title="Recolouring", batch_size=batch, loop=stages(steps), **first)


def sweep(steps=STEPS, width=WIDTH):
    return variants(steps, width)

"""Plain products in the textures of others: a network for one style, and AdaIN for any, in features
of a network of our own and in random ones.

Run:    genlab sweep --config=experiments/style/style.py --workdir=runs/style
Shows:  experiments/style/results/style.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec, trained
from genlab.data import products, single, unpaired
from genlab.evaluation import Style
from genlab.methods.classifier import Classifier, Logits
from genlab.methods.style import AdaIN, FeedForwardStyle
from genlab.nets import Translator, adain, dcgan, maps, translation

SEEDS = (0, 1, 2)
SIZE, WIDTH, STEPS = 32, 16, 500
SMOOTH = 0.03  # the weight that the optimisation of pixels in these features has (`gatys.py`)
DOTS = 4  # the item whose style is the one style: a shirt with dots
LAYERS = ("Conv_0", "Conv_1")  # at half and a quarter of the size


def trunk():
    return spec(dcgan.Down, 2 * WIDTH)


def features(own):
    """Maps of the classifier of textures, or of the same network with random weights."""
    net = spec(trained, "{sweep}/features/seed{seed}", "net.trunk") if own else trunk()
    return spec(maps.Maps, net, LAYERS)


def johnson(own, smoothness=1e-6):
    resnet = spec(
        translation.ResNet, width=WIDTH, blocks=3, kernel=9, norm="AffineInstanceNorm",
        doubling="nearest",
    )  # fmt: skip
    weights = {"style": 100.0, "smoothness": smoothness}
    method = spec(FeedForwardStyle, spec(Translator, resnet), features(own), **weights)
    return {"method": method, "optim": {"gen": spec(optax.adam, 1e-3)}} | judged(one=True)


def any_style(own):
    decoder = spec(adain.Decoder, 3, (4 * WIDTH, 2 * WIDTH), (2, 1))
    method = spec(AdaIN, features(own), decoder)
    return {"method": method, "optim": {"decoder": spec(optax.adam, 1e-3)}} | judged(one=False)


def judged(one):
    """Data and distances: content and style in the features of a network with random weights that
    nobody is trained by, wider than theirs.
    """
    eye = spec(maps.Maps, spec(dcgan.Down, 4 * WIDTH), LAYERS)
    return {"data": pictures(one), "evaluate": {"style": spec(Style, "style", eye)}}


def pictures(one):
    """Products without textures, and products in the styles wanted: one of them in all splits, or
    any.
    """
    plain = spec(products, SIZE, ("plain",), validation=100, test=100)
    style = spec(products, SIZE, ("image",), validation=100, test=100, seed=7)
    return spec(
        unpaired, {"image": plain, "style": spec(single, style, row=DOTS) if one else style}
    )


def config():
    labels = {"makes": "texture", "given": ("image",)}
    return spec(
        Experiment,
        title="Style",
        method=spec(Classifier, spec(Logits, trunk(), 6), **labels),
        data=spec(products, SIZE, ("image", "texture")),
        optim={"classifier": spec(optax.adam, 1e-3)},
        batch_size=16,
        loop=spec(Loop, steps=STEPS, rounds_per_call=50, log_every=50, checkpoint_every=0),
    )


def sweep():
    drawn = {"loop.sample_every": STEPS}
    return {
        "features": {"loop.sample_every": 0, "loop.steps": 1_000, "batch_size": 32},
        "johnson": johnson(True) | drawn,
        "johnson-smooth": johnson(True, SMOOTH) | drawn,
        "adain": any_style(True) | drawn,
        "johnson-random": johnson(False) | drawn,
        "adain-random": any_style(False) | drawn,
    }

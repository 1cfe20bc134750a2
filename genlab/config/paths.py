"""Where public things were before: paths in the configs of older run folders keep resolving.

A config names code by import path. When a module moves, its old name is listed here, so that the
run folders that name it are read as the runs they are.
"""

MOVED = {
    "genlab.data.arrays": "genlab.data.sets.arrays",
    "genlab.data.folder": "genlab.data.sets.folder",
    "genlab.data.image": "genlab.augment.image",
    "genlab.data.source": "genlab.data.sources",
    "genlab.data.tfds": "genlab.data.sets.tfds",
    "genlab.data.toy": "genlab.data.sets.toy",
    "genlab.dynamics": "genlab.game.dynamics",
    "genlab.experiment": "genlab.config.experiment",
    "genlab.methods.between": "genlab.methods.gan.options",
    "genlab.metrics.comparing": "genlab.evaluation.scores",
    "genlab.metrics.features": "genlab.features",
    "genlab.metrics.features.backbones": "genlab.features.backbones",
    "genlab.metrics.features.domain": "genlab.features.domain",
    "genlab.metrics.features.inception": "genlab.features.inception",
    "genlab.metrics.features.plain": "genlab.features.plain",
    "genlab.metrics.features.vit": "genlab.features.vit",
    "genlab.metrics.fidelity": "genlab.evaluation.fidelity",
    "genlab.metrics.scores": "genlab.evaluation.evaluators",
    "genlab.nets.attention": "genlab.nets.layers.attention",
    "genlab.nets.convolution": "genlab.nets.kernels.convolution",
    "genlab.nets.minibatch": "genlab.nets.layers.minibatch",
    "genlab.nets.resize": "genlab.nets.kernels.resize",
    "genlab.nets.spectral": "genlab.nets.layers.spectral",
    "genlab.optim": "genlab.game.optim",
    "genlab.views": "genlab.augment",
    "genlab.views.ada": "genlab.augment.ada",
    "genlab.views.diffaugment": "genlab.augment.diffaugment",
    "genlab.views.noise": "genlab.augment.noise",
}
"""Modules by the name they had; a name in one of them is found under the new one."""

PARTED = {
    "genlab.data.arrays:digits": "genlab.data.sets.digits:digits",
    "genlab.metrics:Annealed": "genlab.evaluation:Annealed",
    "genlab.metrics:Bound": "genlab.evaluation:Bound",
    "genlab.metrics:Fidelity": "genlab.evaluation:Fidelity",
    "genlab.metrics:Modes": "genlab.evaluation:Modes",
    "genlab.metrics:PathLength": "genlab.evaluation:PathLength",
    "genlab.metrics:Reconstruction": "genlab.evaluation:Reconstruction",
    "genlab.metrics.features.domain:Classifier": "genlab.methods.classifier:Classifier",
    "genlab.metrics.features.domain:Logits": "genlab.methods.classifier:Logits",
    "genlab.metrics.scores:Fidelity": "genlab.evaluation:Fidelity",
}
"""Names that left their module, by the path they had."""


def current(path: str) -> str:
    """The path under which what `path` ("package.module:name") names is found today."""
    module, colon, name = path.partition(":")
    return PARTED.get(path) or f"{MOVED.get(module, module)}{colon}{name}"

"""Shrinks any experiment's config to seconds, its structure unchanged: how the suite runs every
experiment.
"""

from ml_collections import ConfigDict

from genlab.config import override

SMALL = {"width": 8, "hidden": (16, 16), "batch_size": 16, "samples": 64, "draws": 2}
LOOP = {
    "steps": 4,
    "rounds_per_call": 2,
    "log_every": 2,
    "checkpoint_every": 2,
    "sample_every": 2,
    "evaluate_every": 2,
}


def shrink(config: ConfigDict) -> ConfigDict:
    """The same game with narrow networks and four rounds; changes `config` in place."""
    for name, steps in LOOP.items():
        config.loop[name] = steps if config.loop[name] else 0
    _shrink(config, config, "")
    return config


def _shrink(root: ConfigDict, node, path: str) -> None:
    if isinstance(node, tuple):
        node = {str(i): value for i, value in enumerate(node)}
    for name, value in node.items():
        where = f"{path}.{name}" if path else name
        if isinstance(value, ConfigDict) or (
            isinstance(value, tuple) and any(isinstance(v, ConfigDict) for v in value)
        ):
            _shrink(root, value, where)
        elif name in SMALL:
            override(root, where, SMALL[name])
        elif name == "steps" and not path.startswith("loop"):
            override(root, where, 20)

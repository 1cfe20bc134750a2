"""What makes no sense in a GAN's config, refused with the reason: at build, and once shapes are
known.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from genlab.augment import StatefulAugmentation
from genlab.config import ConfigError
from genlab.losses import penalties, regularisers
from genlab.losses.adversarial import Objective
from genlab.methods.gan import codes
from genlab.methods.gan.options import Option, as_it_is, changed
from genlab.methods.gan.terms import Term

PLAYERS = ("disc", "gen")
TAKEN = ("adversarial", "loss", "real", "fake", "objective")  # names with a meaning
WITHOUT_GRADIENT = (
    penalties.lecam,
    penalties.one_sided_lecam,
    penalties.consistency,
    penalties.balanced_consistency,
    penalties.drift,
)
OF_THE_GENERATOR = (  # which the critic's parameters do not enter
    regularisers.path_length,
    regularisers.mode_seeking,
    regularisers.latent_consistency_generator,
)


def numbers(gan: Any) -> None:
    """Counts out of range, and terms of the latent without one."""
    least = 0 if gan.given else 1
    for name, number, low in (
        ("latent", gan.prior.size, least),
        ("critic_moves", gan.critic_moves, 1),
    ):
        if number < low:
            raise ConfigError(f"{name} is {number}; it is at least {low}")
    if gan.prior.size == 0:
        for name, term in gan._regularisers["gen"].items():
            if term.source in OF_THE_GENERATOR:
                raise ConfigError(f"regularisers.gen.{name} is of the latent, and latent is 0")


def kinds(gan: Any) -> None:
    """Names and single specs where a tuple of specs is wanted, and the like."""
    kind = {"augment": Callable | StatefulAugmentation, "options": Option, "dynamics": Callable}
    for name, wanted in kind.items():
        given = getattr(gan, name)
        fits = isinstance(given, tuple) and not isinstance(given, StatefulAugmentation)
        if not fits or not all(isinstance(x, wanted) for x in given):
            raise ConfigError(f"{name} is {given!r}; give a tuple of specs: (spec(...),)")
    if not isinstance(gan.regularisers, Mapping) or set(gan.regularisers) - set(PLAYERS):
        raise ConfigError(
            f"regularisers is {gan.regularisers!r}; the players are disc and gen: "
            "dict(gen=dict(name=weight))"
        )


def combinations(gan: Any, objective: Objective) -> None:
    """Options that exclude each other."""
    for option in gan.options:
        option.check(gan)
    changed(gan.options, objective, 0)  # which may refuse the objective
    codes.fit(gan, as_it_is)


def columns(gan: Any, known: Mapping[str, Any]) -> None:
    """Heads of a kind of column that the data's is not, and data with a code's name."""
    wanted = gan.prior.codes
    for name in wanted:
        if name in known:
            raise ConfigError(f"the data have a column {name!r}, which is a code's name: rename it")
    for name, labels in codes.recognised(gan.discriminator).items():
        if name in known and labels is not (getattr(known[name], "cycle", 0) > 0):
            kind = type(known[name]).__name__
            raise ConfigError(
                f"a head of the discriminator takes {'labels' if labels else 'numbers'}, and "
                f"column {name!r} is {kind}: use heads.{'Regression' if labels else 'Classifier'}"
            )


def names(
    critics: Mapping[str, Term],
    by_player: Mapping[str, Mapping[str, Term]],
    options: tuple[Option, ...],
    compared: Sequence[str] = (),
) -> None:
    """Terms that would share a value, a weight or a memory by sharing a name: two of one player, or
    two that remember; and options that would share a memory.
    """
    of_disc, of_gen = [*critics, *by_player["disc"]], [*by_player["gen"], *compared]
    groups = (critics, *by_player.values())
    kept = [option.memory for option in options if option.memory]
    remembering = [name for group in groups for name, term in group.items() if term.start]
    for name in kept:
        if kept.count(name) > 1 or name in TAKEN or name.startswith("view"):
            raise ConfigError(f"options: {name!r} is the memory of another already: one is enough")
    for found in (of_disc, of_gen, remembering):
        for name in found:
            if found.count(name) > 1 or name in (*TAKEN, *kept) or name.startswith("view"):
                raise ConfigError(
                    f"two terms are called {name!r}, or the name has a meaning already: give one "
                    "another name, and its function as fn='genlab.losses.penalties:...'"
                )
    for name, term in by_player["disc"].items():
        if term.source in OF_THE_GENERATOR:
            raise ConfigError(
                f"regularisers.disc.{name} does not depend on the critic: put it under gen"
            )


def networks(
    gan: Any,
    objective: Objective,
    critics: Mapping,
    of_generator: Mapping,
    stats: dict,
    shapes: Sequence[tuple[int, ...]],
) -> None:
    """A critic whose logits, of these `shapes`, one for each scale, are not what the objective
    takes, and networks that mix examples under terms that look at each of them.
    """
    wanted, logits = objective.columns, shapes[0]
    if len(shapes) > 1 and (wanted or objective.start):
        raise ConfigError(
            f"objective {gan.objective!r} has a memory or wants more than a logit, and the critic "
            f"judges at {len(shapes)} scales: use hinge, least_squares, nonsaturating ..."
        )
    if (logits[1:] if len(logits) == 2 else ()) != ((wanted,) if wanted else ()):
        raise ConfigError(
            f"objective {gan.objective!r} takes "
            f"{f'[B, {wanted}]' if wanted else '[B] or [B, h, w]'} from the critic, which "
            f"gives {list(logits)}: choose the discriminator that belongs to it (nets.heads)"
        )
    tied = [name for name, term in critics.items() if term.source not in WITHOUT_GRADIENT]
    if tied and _mixes(stats.get("disc", {})):
        raise ConfigError(
            f"the critic has BatchNorm, and a penalty ({', '.join(tied)}) on its "
            "gradient at each example: use norm='LayerNorm' or 'Identity' in the discriminator"
        )
    paths = [n for n, term in of_generator.items() if term.source is regularisers.path_length]
    if paths and _mixes(stats.get("gen", {})):
        raise ConfigError(
            f"the generator has BatchNorm, and {paths[0]} is the length of each sample's own "
            "gradient: use another norm in the generator"
        )


def _mixes(state: dict) -> bool:
    """Whether a network's linen state is that of a BatchNorm."""
    found = jax.tree_util.tree_leaves_with_path(state.get("batch_stats", {}))
    return any(getattr(path[-1], "key", "") == "var" for path, _ in found)

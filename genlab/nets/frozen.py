"""Networks of trained runs, frozen: `spec(trained, "runs/x", "gen")` stands in a config wherever a
network does.

The weights lie in the linen collection "frozen", not in "params": no player owns them, no optimiser
and no moving average sees them, gradients pass through the network to what feeds it. As a part of
`State.stats` they are an argument of the compiled program (which therefore depends on their shapes
alone), are sharded, stacked and donated as everything else is, and are saved with each checkpoint:
a run folder can be sampled and evaluated without the folder its ingredient came from.
"""

import contextlib
import contextvars
import inspect
from collections.abc import Iterator, Mapping
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from genlab.config import build
from genlab.nets.layers import Wrapper
from genlab.runs import ingredients

FROZEN = "frozen"  # the linen collection


def trained(run: str, network: str, step: int | None = None) -> "Frozen":
    """Network `network` of the run folder `run`, with its weights, frozen; a part of one by its
    path, as "encoder.trunk".

    Its weights are those that `evaluate` judges: of the best checkpoint by validation where
    `loop.best` names a score, else of the newest; or of round `step`; moving averages where there
    are any. BatchNorm uses its running statistics and dropout is off. A relative `run` is looked
    for from the working directory, as --workdir is.

    Raises ConfigError where there is no such run, checkpoint or network.
    """
    found = ingredients.read(run, network, step)
    sha256 = ingredients.keep(found)
    return Frozen(build(found.net), sha256, networks=found.networks, given=found.given)


class Frozen(Wrapper):
    """`net` with the weights whose fingerprint is `sha256`, in inference mode whatever `train` is.

    Where these weights are not at hand it has the shapes that `net` would have, for a checkpoint to
    be restored into.

    networks, given: those of the run that it is from, and the columns that they are given, for a
              method that checks that it names all it needs; () where the run is not at hand
    """

    sha256: str = ""
    networks: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    @property
    def context(self) -> int:
        """How many numbers of the encoder `net` is given, where it is a flow."""
        return self.net.context

    @property
    def of_target(self) -> bool:
        """Whether `net`, a flow, climbs log p(x, z)."""
        return self.net.of_target

    def mapping(self, *args):
        """What `net` gives of latents, where it has styles."""
        return self(*args, method="mapping")

    def synthesis(self, *args):
        """What `net` gives of styles, where it has them."""
        return self(*args, method="synthesis")

    def lookup(self, *args):
        """What `net` gives of codes, where it is a quantiser."""
        return self(*args, method="lookup")

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes there are, where `net` is a quantiser."""
        return self.net.sizes

    @nn.compact
    def __call__(self, *args, method: str = "__call__", **kwargs):
        """What `net` gives, or another of its functions; what it sows is sown on."""
        signature = inspect.signature(getattr(self.net, method))
        bound = signature.bind(*args, **kwargs)
        if "train" in signature.parameters:
            bound.arguments["train"] = False
        net = self.net.clone(parent=None, _deep_clone=True, _reset_names=True)
        fresh = partial(self._weights, net, *bound.args, **bound.kwargs)
        held = self.variable(FROZEN, "weights", fresh).value
        made, sown = net.apply(
            held, *bound.args, **bound.kwargs, method=method, mutable=["intermediates"]
        )
        for path, value in jax.tree_util.tree_leaves_with_path(sown):
            names = [part.key for part in path if hasattr(part, "key")]
            self.sow("intermediates", names[-1], value)
        return made

    def _weights(self, net: nn.Module, *args, **kwargs) -> dict:
        given = (_given.get() or {}).get(self.sha256) or ingredients.HELD.get(self.sha256)
        if given:
            return jax.tree.map(jnp.asarray, given)
        made = dict(net.init({"params": jax.random.key(0)}, *args, **kwargs))
        made.pop("intermediates", None)
        return made


_given: contextvars.ContextVar[Mapping[str, dict] | None] = contextvars.ContextVar(
    "weights by fingerprint, as arguments of a program", default=None
)


@contextlib.contextmanager
def given(weights: Mapping[str, dict]) -> Iterator[None]:
    """Within it frozen networks are initialised with these weights, by fingerprint: what traces
    their initialisation has them as arguments and not as constants in the program.
    """
    token = _given.set(dict(weights))
    try:
        yield
    finally:
        _given.reset(token)

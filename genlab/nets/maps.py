"""The maps inside a network, by the names of its layers: features to compare pictures in."""

from collections.abc import Mapping

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choices
from genlab.nets.conditions import Conditions


class Maps(nn.Module):
    """What layers of `net` give, in the order of `at`: of a network with random weights, or of
    `spec(trained, "runs/x", "net.trunk")`.

    at: names of layers, as in its parameters: ("Conv_0", "Conv_2"); "Block_0/Conv_1" inside a block
    """

    net: nn.Module
    at: tuple[str, ...]

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = False
    ) -> tuple[Float[Array, "b i j d"], ...]:
        """Maps, before the layers' own activations. ConfigError for names that no layer has."""
        seen: dict[str, Array] = {}

        def watch(call, args, kwargs, context):
            made = call(*args, **kwargs)
            if context.method_name == "__call__" and getattr(made, "ndim", 0) == 4:
                seen["/".join(context.module.path)] = made
            return made

        with nn.intercept_methods(watch):
            self.net(x, None, train)
        return tuple(self._found(seen, name) for name in self.at)

    def _found(self, seen: Mapping[str, Array], name: str) -> Array:
        ends = [path for path in seen if path == name or path.endswith(f"/{name}")]
        if len(ends) == 1:
            return seen[ends[0]]
        inner = [path.rpartition("/")[2] if "/" in path else path for path in seen if path]
        if ends:
            raise ConfigError(
                f"Maps: layers {', '.join(ends)} all end in {name!r}: give more of it"
            )
        raise ConfigError(f"Maps: no layer {name!r} that gives a map{choices(name, inner)}")

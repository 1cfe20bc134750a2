"""What games on two domains, `self.domains`, have in common: their columns and directions, and what
they make of examples that are given. Nothing is drawn.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from genlab.config import ConfigError
from genlab.game.abilities import Conditions, Examples, Latents


def check(domains: tuple[str, ...], who: str) -> None:
    """ConfigError for anything but the columns of two domains."""
    if isinstance(domains, str) or len(domains) != 2 or len(set(domains)) != 2:
        raise ConfigError(f"{who}.domains is {domains!r}; give two columns: ('photo', 'sketch')")


def column_of(domains: tuple[str, str], to: Any) -> int:
    """0 or 1: which of two domains is asked for by the name of its column."""
    if to not in domains:
        raise ConfigError(f"translate(to={to!r}): the domains are {domains[0]!r}, {domains[1]!r}")
    return domains.index(to)


makes = property(lambda self: self.domains[1], doc="The second domain.")
given = property(lambda self: (self.domains[0],), doc="The first domain.")


def there_and_back(self: Any) -> tuple[tuple[str, str], ...]:
    """There and back."""
    first, second = self.domains
    return (first, second), (second, first)


def latents(self: Any, key: PRNGKeyArray, n: int) -> Latents:
    """Of width 0: nothing is drawn."""
    return jnp.zeros((n, 0))


def generate(self: Any, params: dict, stats: dict, z: Latents, cond: Conditions = None) -> Examples:
    """The first domain's examples that are given, in the second."""
    first, second = self.domains
    return self.translate(params, stats, (cond or {})[first], second)

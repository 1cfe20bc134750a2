"""What a method can do beside playing: a small protocol each.

Evaluators, sampling, the library and pages ask for an ability, never for a class; a method has the
abilities whose functions it defines. `cond` is the columns given, by name, None for none.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jax import Array
from jaxtyping import Float, Int, PRNGKeyArray

from genlab.config import ConfigError

Conditions = Mapping[str, Float[Array, "b ..."]] | None
Examples = Float[Array, "b *shape"]
Latents = Float[Array, "b z"]
WStyles = Float[Array, "b *layers w"]  # one style for all layers, "b w", or one for each
Noise = Float[Array, "b numbers"]  # maps of noise in a row


@runtime_checkable
class Generates(Protocol):
    """Makes examples of latents."""

    def latents(self, key: PRNGKeyArray, n: int) -> Float[Array, "b z"]:
        """`n` latents from the prior; of a method that `HasPrior`, the noise that its prior maps
        to latents. `drawn` gives the latents of either.
        """
        ...

    def generate(self, params: dict, stats: dict, z: Latents, cond: Conditions = None) -> Examples:
        """Examples of latents."""
        ...


@runtime_checkable
class HasPrior(Protocol):
    """Draws its latents from a prior that is not N(0, I)."""

    def prior_latents(
        self, params: dict, stats: dict, noise: Float[Array, "b noise"], cond: Conditions = None
    ) -> Latents:
        """Latents of the prior, as `generate` takes them, of noise ~ N(0, I) as `latents` gives
        it.
        """
        ...

    def log_prior(
        self, params: dict, stats: dict, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(z), nats."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Makes examples anew of what it keeps of them."""

    def reconstruct(
        self, params: dict, stats: dict, x: Examples, cond: Conditions = None
    ) -> Examples:
        """Of each example, what the model has kept."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Gives a code of examples."""

    def encode(self, params: dict, stats: dict, x: Examples, cond: Conditions = None) -> Latents:
        """Codes of examples."""
        ...


@runtime_checkable
class Quantises(Protocol):
    """Gives codes of examples that are whole numbers."""

    def quantise(
        self, params: dict, stats: dict, x: Examples, cond: Conditions = None
    ) -> tuple[Int[Array, " b *positions"], ...]:
        """Maps of codes, coarse to fine."""
        ...

    def codebook_sizes(self) -> tuple[int, ...]:
        """How many codes there are, for each of the maps."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Makes of an example the same one in another domain."""

    def translations(self) -> tuple[tuple[str, str], ...]:
        """The directions there are, each (column given, column made); one column twice where
        conditions are what tells domains apart.
        """
        ...

    def translate(self, params: dict, stats: dict, x: Examples, to: Any) -> Examples:
        """Each example in the domain `to`: a column's name, or the conditions it is to have."""
        ...


@runtime_checkable
class Warps(Protocol):
    """Moves the pixels of a picture that is given to where another picture has them."""

    def warped(self, params: dict, stats: dict, cond: Conditions) -> Examples:
        """The picture moved, of each row of what is given."""
        ...


@runtime_checkable
class HasLikelihood(Protocol):
    """Has a decoder with a likelihood, and latents from N(0, I) or from the prior that it has."""

    def log_likelihood(
        self, params: dict, stats: dict, x: Examples, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z) in nats."""
        ...


@runtime_checkable
class HasLogWeight(Protocol):
    """Bounds the likelihood of an example by importance weights."""

    def log_weight(
        self, params: dict, stats: dict, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x, z) - log q(z | x) at one z ~ q(z | x), nats."""
        ...


@runtime_checkable
class HasPosterior(Protocol):
    """Has a posterior of latents whose information is that of its units."""

    def posterior_draw(
        self, params: dict, stats: dict, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Latents:
        """z ~ q(z | x), one of each example."""
        ...

    def unit_kl(
        self, params: dict, stats: dict, x: Examples, cond: Conditions = None
    ) -> Float[Array, "b z"]:
        """KL of each unit's posterior to the prior, nats."""
        ...


@runtime_checkable
class HasLevels(Protocol):
    """Has latents in a hierarchy, with a KL of each level."""

    def level_kl(
        self, params: dict, stats: dict, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, "b levels"]:
        """KL of each level's posterior to its prior, given one draw of the levels above, nats."""
        ...


@runtime_checkable
class HasSupport(Protocol):
    """Has latents on a part of all of R^n, as a sphere."""

    def supported(self, z: Latents) -> Latents:
        """The nearest latents there."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Says how unusual an example is."""

    def score(
        self, params: dict, stats: dict, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """Higher for what is less like the data."""
        ...


@runtime_checkable
class Styles(Protocol):
    """Makes examples of latents by way of styles w, one for each of `style_layers` layers."""

    def style_layers(self) -> int:
        """How many layers of the generator are given a style."""
        ...

    def mapping(
        self, params: dict, stats: dict, z: Latents, cond: Conditions = None
    ) -> Float[Array, "b w"]:
        """w of latents, under what is given."""
        ...

    def synthesis(
        self, params: dict, stats: dict, w: WStyles, noise: Noise | None = None
    ) -> Examples:
        """Examples of styles: one for all layers, "b w", or one for each, "b layers w".

        noise: of a method that `HasNoise`, the maps of each example; None for those of all
        """
        ...


@runtime_checkable
class HasNoise(Protocol):
    """Makes examples of styles with maps of noise, one at each layer."""

    def noise_sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each layer's map: in a row they are the `noise` of `synthesis`."""
        ...


class Code(NamedTuple):
    """One code of a latent: where it is in z, one-hot if `discrete`, else a number in [-1, 1]."""

    at: slice
    discrete: bool


@runtime_checkable
class HasCodes(Protocol):
    """Has codes in its latents that stand for what it found in the data."""

    def codes(self) -> dict[str, Code]:
        """The codes by name."""
        ...


@runtime_checkable
class Guides(Protocol):
    """Is trained with and without its conditions."""

    def null(self, cond: Conditions) -> Conditions:
        """As many rows of conditions, all of them dropped."""
        ...


@runtime_checkable
class Recalibrates(Protocol):
    """Can take BatchNorm's statistics anew from its own samples."""

    def update_stats(
        self, params: dict, stats: dict, key: PRNGKeyArray, n: int, cond: Conditions = None
    ) -> dict:
        """The statistics of the generating network after `n` samples in training mode."""
        ...


def drawn(
    method: Generates, params: dict, stats: dict, noise: Array, cond: Conditions = None
) -> Latents:
    """The latents that `generate` takes, of what `latents` gives: the same, unless the method has a
    prior that maps noise to latents.
    """
    if can(method, HasPrior):
        return method.prior_latents(params, stats, noise, cond)  # pyright: ignore[reportAttributeAccessIssue]
    return noise


def sampled(
    method: Generates, params: dict, stats: dict, noise: Array, cond: Conditions = None
) -> Examples:
    """Examples of what `latents` gives."""
    return method.generate(params, stats, drawn(method, params, stats, noise, cond), cond)


def can(method: object, ability: type) -> bool:
    """Whether `method` has the ability, with the networks and settings that it is built of."""
    return isinstance(method, ability) and not _lack(method, ability)


def require(method: object, ability: type, who: str) -> Any:
    """`method`, which has the ability; ConfigError otherwise: who asks, what is lacking, which has
    it not.

    A method whose abilities depend on its networks or settings has `lacks(ability)`: why it has it
    not, "" where it has.
    """
    does = (ability.__doc__ or "").splitlines()[0].rstrip(".").lower()
    if isinstance(method, ability):
        if reason := _lack(method, ability):
            raise ConfigError(f"{who} needs a method that {does}: {reason}")
        return method
    functions = [n for n, f in vars(ability).items() if callable(f) and not n.startswith("_")]
    missing = [name for name in functions if not hasattr(method, name)]
    raise ConfigError(
        f"{who} needs a method that {does}: {type(method).__name__} has no {', '.join(missing)}"
    )


def _lack(method: object, ability: type) -> str:
    lacks = getattr(method, "lacks", None)
    return lacks(ability) if lacks else ""

"""What an inpainting network is given: pictures with a hole, and where the hole is."""

from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions, pictures


def seen_and_hole(
    cond: Conditions | None, mask: str, who: str
) -> tuple[Float[Array, "b h w c"], Float[Array, "b h w 1"]]:
    """(the pictures given but for the mask, the mask: 1 inside the hole).

    Raises ConfigError where one of the two is not given.
    """
    given = dict(cond or {})
    hole = given.pop(mask, None)
    seen = pictures(given)
    if hole is None or hole.ndim != 4 or seen is None:
        raise ConfigError(
            f"{who} repairs a picture where the column {mask!r} is 1, and is given "
            f"{', '.join(sorted(cond or {})) or 'nothing'}: name the picture with its hole and the "
            f"mask in the method's `given`, or the mask's column in {who}(mask=...)"
        )
    return seen, hole

"""Instance noise: Gaussian noise on the inputs of the critic."""

from collections.abc import Callable

from jax import Array, random

from genlab.schedules import Weight, at


def instance_noise(std: Weight) -> Callable:
    """x + std e, e ~ N(0, I), which makes data and samples overlap (Sonderby et al. 2017,
    arXiv:1610.04490; Arjovsky & Bottou 2017, arXiv:1701.04862, Section 3).

    `std` is a number, or a schedule of the round that anneals it to nothing.
    """

    def transform(x: Array, key: Array, step: Array) -> Array:
        return x + at(std, step) * random.normal(key, x.shape, x.dtype)

    return transform

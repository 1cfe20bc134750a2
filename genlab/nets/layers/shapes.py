"""Resolutions of convolutional trunks."""

from genlab.config import ConfigError


def levels(shape: tuple[int, ...], base: int = 4) -> int:
    """Doublings from `base` x `base` to an image of `shape`; ConfigError unless it is square and a
    power of two.
    """
    height, width = shape[0], shape[1]
    if height != width or height < 2 * base or height & (height - 1):
        raise ConfigError(
            f"images of {height}x{width}: these convolutional nets take squares of a power of two "
            f"from {2 * base} up; resize the data (data.shape), or use nets.mlp"
        )
    return (height // base).bit_length() - 1

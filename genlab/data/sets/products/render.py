"""The picture of an item from its factors: pure, differentiable twice in the continuous ones.

From the back to the front: the background with the item's shadow; what shows through an opening;
the main area with its texture; dark lines; what is in the second colour; small repeated parts.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.data.sets.products import categories, textures
from genlab.data.sets.products.shapes import bar, coverage, ellipse
from genlab.runtime.collectives import varying

TABLE = categories.table()
WARM, COOL = np.array([0.965, 0.945, 0.91]), np.array([0.70, 0.755, 0.81])
SHADOW = 0.3  # how far a shadow reaches, in item units
Factors = Mapping[str, Array]


class Drawing(NamedTuple):
    """An item before it is coloured: distances in item units, [P] each.

    main:    of the textured area; body: the same before the opening was cut
    inside:  of what shows through the opening
    trim:    of what is in the second colour
    line, dots: of the dark lines and of the small repeated parts, within the item
    """

    x: Array
    y: Array
    main: Array
    inside: Array
    trim: Array
    line: Array
    dots: Array
    pixel: Array

    @property
    def whole(self) -> Array:
        """Of the item."""
        return jnp.minimum(jnp.minimum(self.main, self.inside), self.trim)


def grid(height: int, width: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The centres of the pixels, x and y in -1..1, [height * width] each; no width: a square."""
    down, across = (_ticks(n) for n in (height, height if width is None else width))
    y, x = np.meshgrid(down, across, indexing="ij")
    return x.ravel(), y.ravel()


def _ticks(count: int) -> np.ndarray:
    return ((np.arange(count) + 0.5) * 2 / count - 1).astype(np.float32)


def places(size: int) -> tuple[Array, Array]:
    """`grid` on the device."""
    x, y = grid(size)
    return jnp.asarray(x), jnp.asarray(y)


def rgb(hue: Array, saturation: Array, value: Array) -> Array:
    """HSV, hue in turns, to [3] in 0..1."""
    away = jnp.abs((hue * 6.0 + jnp.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0
    return value * (1.0 - saturation * (1.0 - jnp.clip(away, 0.0, 1.0)))


def category_weights(category: Array) -> Array:
    """One-hot of a stored label."""
    return jax.nn.one_hot(category, len(TABLE), dtype=jnp.float32)


def placed(factors: Factors, x: Array, y: Array) -> tuple[Array, Array]:
    """Item coordinates of places of the frame."""
    turn = jnp.deg2rad(factors["rotation"][0])
    cos, sin = jnp.cos(turn) / factors["scale"][0], jnp.sin(turn) / factors["scale"][0]
    x, y = x - factors["x"][0], y - factors["y"][0]
    return x * cos + y * sin, y * cos - x * sin


def drawing(factors: Factors, at: tuple[Array, Array], size: int) -> Drawing:
    """The distances of one item to its parts."""
    shape = jnp.stack([jnp.ones(()), *(factors[n][0] for n in ("length", "width", "flare"))])
    weights = category_weights(factors["category"])
    numbers = jnp.einsum("c,csn,s->n", weights, TABLE, shape, precision="highest")
    parts = categories.slots(numbers)
    x, y = placed(factors, *at)
    folded = jnp.where(parts["symmetric"][0] > 0.5, jnp.abs(x), x)
    bars = {
        name: bar(folded if name in categories.FOLDED else x, y, parts[name])
        for name in categories.BARS
        if name != "dots"
    }
    body = _body(parts, bars, x, y, folded)
    opened = ellipse(x, y, parts["opening"])
    main = jnp.maximum(body, -opened)
    trims = {
        **{n: bars[n] for n in ("trim", "trims", "collar")},
        "hoop": ellipse(x, y, parts["hoop"]),
    }
    trim = _least(
        jnp.maximum(d, parts[f"{n} clip"][0] * body - parts[f"{n} clip"][1])
        for n, d in trims.items()
    )
    return Drawing(
        x, y, main,
        inside=jnp.maximum(jnp.maximum(body, opened), parts["back"][0] - y),
        trim=trim,
        line=jnp.maximum(_least(bars[n] for n in ("line", "lines", "seams")), main),
        dots=_dots(parts, folded, y),
        pixel=2.0 / size / factors["scale"][0],
    )  # fmt: skip


def _body(parts, bars, x, y, folded) -> Array:
    nx, ny, c = (parts["slope"][i] for i in range(3))
    torso = jnp.maximum(bars["torso"], nx * folded + ny * y - c)
    bulge = ellipse(x, y, parts["bulge"])
    return _least([torso, bars["extra"], bars["limb"], bulge])


def _dots(parts, x, y) -> Array:
    """The bar of the slot, again and again: each place is moved back by whole steps."""
    dx, dy, count = (parts["repeat"][i] for i in range(3))
    b = parts["dots"]
    x0, y0 = (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
    scale = 1.0 / (dx * dx + dy * dy)
    step = jnp.clip(jnp.round((x - x0) * (dx * scale) + (y - y0) * (dy * scale)), 0.0, count - 1.0)
    return bar(x - step * dx, y - step * dy, b)


def _least(distances) -> Array:
    first, *others = distances
    for d in others:
        first = jnp.minimum(first, d)
    return first


def image(factors: Factors, size: int, behind: Array | None = None) -> Array:
    """The picture of one item, float32 [size, size, 3] in 0..1; factors as stored.

    behind: what the item is in front of, instead of its background, [size, size, 3]
    """
    return coloured(factors, palette(factors), size, behind)


def coloured(factors: Factors, colours: Array, size: int, behind: Array | None = None) -> Array:
    """`image` in the colours of a palette [4, 3], in place of the factors'."""
    at = places(size)
    back = [colours[0, i] if behind is None else behind[..., i].reshape(-1) for i in range(3)]

    def paint(found: Drawing) -> tuple[Array, ...]:
        around, *shares = painted(factors, found, at)
        fronts = [sum(s * c for s, c in zip(shares, colours[1:, i], strict=True)) for i in range(3)]
        return tuple(around * back[i] + fronts[i] for i in range(3))

    channels = in_turn(lambda: drawing(factors, at, size), paint)
    return jnp.stack(channels, axis=-1).reshape(size, size, 3)


def in_turn(first: Callable[[], Any], second: Callable[[Any], Any]) -> Any:
    """`second(first())` as two programs: XLA would fuse them into one, in which each distance is
    worked out again for every use (measured: 20 times slower).
    """
    shapes = jax.eval_shape(first)
    zeros = jax.tree.map(
        lambda x: jnp.zeros(x.shape, x.dtype), (shapes, jax.eval_shape(second, shapes))
    )

    def stage(held, number):
        made = jax.lax.cond(
            number == 0,
            lambda x: varying((first(), x[1])),
            lambda x: varying((x[0], second(x[0]))),
            held,
        )
        return made, None

    return jax.lax.scan(stage, varying(zeros), jnp.arange(2))[0][1]


def palette(factors: Factors) -> Array:
    """The colours that a picture is mixed from: background, first, second and white, [4, 3]."""
    first, second = (
        rgb(*(factors[f"{which}{n}"][0] for n in ("hue", "saturation", "value")))
        for which in ("", "second_")
    )
    behind = WARM + factors["background"][0] * (COOL - WARM)
    return jnp.stack([behind, first, second, jnp.ones(3)])


def shares(factors: Factors, size: int) -> Array:
    """`painted` of a whole picture, [4, size * size]."""
    at = places(size)
    found = in_turn(lambda: drawing(factors, at, size), lambda found: painted(factors, found, at))
    return jnp.stack(found)


def painted(factors: Factors, found: Drawing, at: tuple[Array, Array]) -> tuple[Array, ...]:
    """How much of each colour of the palette is at each place, [P] each."""
    mixed = textures.share(
        found.x, found.y, textures.one_hot(factors["texture"]),
        factors["texture_scale"][0], factors["texture_angle"][0], found.pixel,
    )  # fmt: skip
    return mixture(factors, found, at, mixed)


def mixture(
    factors: Factors, found: Drawing, at: tuple[Array, Array], mixed: Array | float
) -> tuple[Array, ...]:
    """`painted` where `mixed` is the second colour's share of the textured area, in which it is
    affine.
    """
    pixel = found.pixel
    area, trim, dots = (coverage(d, pixel) for d in (found.main, found.trim, found.dots))
    contact = 1.0 - 0.3 * jnp.clip(1.0 - found.trim / 0.07, 0.0, 1.0)
    ink = (1.0 - 0.45 * coverage(found.line, pixel)) * contact
    whole = coverage(found.whole, pixel)
    x, y = _about(factors, at)
    front = whole * lighting(factors["light"][0], found.whole, x, y)
    left = front * (1.0 - dots)
    textured = left * (1.0 - trim)
    return (
        (1.0 - whole) * shadow(factors["light"][0], found.whole, x, y) * (1.0 - 0.035 * at[1]),
        textured * (area * (1.0 - mixed) * ink + 0.42 * (1.0 - area)),
        textured * area * mixed * ink + left * trim + front * dots * 0.5,
        front * dots * 0.5,
    )


def lighting(light: Array, d: Array, x: Array, y: Array) -> Array:
    """How bright the item is at each place: from the side of the light to the other, and darker
    towards its edge, as of something round.
    """
    depth = jnp.clip(d * (-1 / 0.16), 0.0, 1.0)
    round_ = 0.8 + 0.2 * depth * (2.0 - depth)
    return jnp.clip(round_ * (1.0 + 0.2 * light * x - 0.06 * y), 0.0, 1.15)


def shadow(light: Array, d: Array, x: Array, y: Array) -> Array:
    """How bright the background is about the item: its shadow is below, away from the light."""
    near = jnp.clip(1.0 - d * (1 / SHADOW), 0.0, 1.0)
    side = jnp.clip(0.5 + 0.4 * y - 0.5 * light * x, 0.0, 1.0)
    return 1.0 - 0.32 * near * near * side


def _about(factors: Factors, at: tuple[Array, Array]) -> tuple[Array, Array]:
    """Places about the item's centre, in its size, upright: light does not turn with it."""
    inverse = 1.0 / factors["scale"][0]
    return (at[0] - factors["x"][0]) * inverse, (at[1] - factors["y"][0]) * inverse

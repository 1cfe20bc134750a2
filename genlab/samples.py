"""Samples and pictures: drawing them from a trained method, laying them out, writing them down."""

import math
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab import compiler
from genlab.data.source import Source, normalise, to_uint8
from genlab.game import Method, State
from genlab.runs import RunFolder
from genlab.standing import shown

GRID = 64  # pictures in a grid of samples
POINTS = 2500  # points in a density plot
BATCH = 250
STREAM = 77  # latents of pictures, apart from training's and evaluation's


class Sampler:
    """A method's generator, compiled once: `(params, stats, z, cond) -> array`, uint8 for images,
    points as they are.
    """

    def __init__(self, method: Method, source: Source):
        self.method, self.shape = method, tuple(source.shape)
        self._generate = compiler.jit(
            lambda params, stats, z, cond: method.generate(params, stats, z, cond)
        )

    def __call__(
        self, params: dict, stats: dict, z: Array, cond: Array | None = None
    ) -> np.ndarray:
        """All of `z`, in batches."""
        made = []
        for i in range(0, len(z), BATCH):
            part, label = z[i : i + BATCH], None if cond is None else cond[i : i + BATCH]
            made.append(np.asarray(self._generate(params, stats, part, label)))
        return quantised(np.concatenate(made))


def quantised(x: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] as uint8, which is what is stored and measured; points as they are."""
    return to_uint8(x) if x.ndim == 4 else x


def labels_for(method: Method, n: int) -> Array | None:
    """Labels 0, 1, ... in turn for `n` samples of a conditional method; None for others."""
    return jnp.arange(n) % method.classes if method.classes else None


def grid_columns(method: Method) -> int | None:
    """A column for each label, where they are few enough to see; None for a square."""
    return method.classes if 1 < method.classes <= 16 else None


def stages(experiment, run: RunFolder) -> Callable[[int, State], None]:
    """A hook that draws the same latents at successive rounds, and reconstructions where there are
    any.
    """
    method, source = experiment.method, experiment.data
    sampler, columns = Sampler(method, source), grid_columns(method)
    count = POINTS if len(source.shape) == 1 else 6 * columns if columns else GRID
    z = method.latents(random.fold_in(random.key(experiment.seed), STREAM), count)
    cond = labels_for(method, count)
    rebuild = reconstructor(method)

    def draw(step: int, state: State) -> None:
        params, stats = _on_one_device(shown(experiment, state))
        sheet = picture(sampler(params, stats, z, cond), columns)
        write_png(run.path / "samples" / f"{step:06d}.png", sheet)
        if rebuild:
            again = rebuild(params, stats, source)
            write_png(run.path / "samples" / f"reconstructions_{step:06d}.png", again)

    return draw


def reconstructor(method: Method) -> Callable | None:
    """`(params, stats, source) -> picture` of held-out images over their reconstructions; None
    where there are none.
    """
    if not hasattr(method, "reconstruct"):
        return None
    rebuild = compiler.jit(
        lambda params, stats, x, cond: method.reconstruct(params, stats, x, cond)
    )

    def draw(params, stats, source: Source) -> np.ndarray:
        held_out = source.read(
            "validation" if "validation" in getattr(source, "splits", ["validation"]) else "train",
            16,
        )
        x, cond = as_batch(held_out, method.classes)
        again = quantised(np.asarray(rebuild(params, stats, x, cond)))
        return picture(np.concatenate([held_out["image"][:16], again]), columns=16)

    return draw


def as_batch(stored: dict[str, np.ndarray], classes: int) -> tuple[Array, Array | None]:
    """What `Source.read` gave, as networks take it: (images in [-1, 1], labels or None)."""
    image = jnp.asarray(stored["image"])
    x = normalise(image) if image.dtype == jnp.uint8 else image
    return x, jnp.asarray(stored["label"]) if classes else None


def picture(examples: np.ndarray, columns: int | None = None) -> np.ndarray:
    """A grid of images [N, H, W, C], or a density plot of points [N, 2], as one uint8 image [H, W,
    C].
    """
    return points(examples) if examples.ndim == 2 else grid(examples, columns)


def grid(images: np.ndarray, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """uint8 [N, H, W, C] in rows of `columns`, with a white gap; the last row is padded."""
    n, h, w, c = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, c), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap) + gap, (i % columns) * (w + gap) + gap
        sheet[top : top + h, left : left + w] = image
    return sheet


def points(x: np.ndarray, size: int = 256) -> np.ndarray:
    """The first two coordinates as a density plot about the origin, dark on white."""
    reach = 1.25 * max(1e-6, float(np.quantile(np.abs(x[:, :2]), 0.99)))
    counts, _, _ = np.histogram2d(-x[:, 1], x[:, 0], bins=size, range=[[-reach, reach]] * 2)
    shade = 255 * (
        1 - np.clip(np.sqrt(counts / max(1.0, np.quantile(counts[counts > 0], 0.95))), 0, 1)
    )
    return shade.astype(np.uint8)[..., None]


def write_png(path: Path, image: np.ndarray) -> None:
    """uint8 [H, W, 1 or 3]."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)


def interpolate(a: Array, b: Array, steps: int) -> Array:
    """Spherical interpolation between rows of `a` and `b`, [N, D] -> [N, steps, D] (White 2016,
    arXiv:1609.04468).
    """
    cosine = (a * b).sum(-1) / (jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1))
    omega = jnp.arccos(jnp.clip(cosine, -1 + 1e-6, 1 - 1e-6))[:, None, None]
    t = jnp.linspace(0, 1, steps)[None, :, None]
    return (jnp.sin((1 - t) * omega) * a[:, None] + jnp.sin(t * omega) * b[:, None]) / jnp.sin(
        omega
    )


def truncated(key: Array, shape: tuple[int, ...], psi: float) -> Array:
    """The truncation trick: N(0, 1) drawn anew wherever it is beyond +-psi (Brock et al. 2019,
    arXiv:1809.11096, 3.1).
    """
    return random.truncated_normal(key, -psi, psi, shape)


def _on_one_device(tree):
    """A state's arrays whole on the first device, whatever placement they came from."""
    return jax.tree.map(lambda x: jax.device_put(np.asarray(x), jax.devices()[0]), tree)

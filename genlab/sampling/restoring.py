"""Super-resolution and inpainting by a trained generator that was not trained for either: its
latents are searched for a picture that agrees with what is known.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.editing.inversion import Optimisation
from genlab.editing.restoring import when_shrunk, where_known, with_holes
from genlab.game.abilities import Encodes, can
from genlab.sampling.conditions import Stored
from genlab.sampling.editor import Editor, Inverted

SPHERE = Optimisation(sphere=True)  # PULSE's: latents keep the norm that the prior's have
STREAM = 82  # randomness of starts


def enlarged(
    editor: Editor,
    small: np.ndarray | Array,
    given: Stored | None = None,
    settings: Optimisation = SPHERE,
    seed: int = 0,
) -> Inverted:
    """Of pictures [N, h, w, C], as stored or as networks take them, larger ones that the model
    makes and whose means of blocks are these (Menon et al. 2020, arXiv:2003.03808).

    `Editor.invert` says what `given` and the rest are. ConfigError for sizes of which the model's
    is no multiple.
    """
    side = editor.source.columns[editor.method.makes].shape[0]
    if side % small.shape[1]:
        raise ConfigError(
            f"pictures of {small.shape[1]} pixels a side, and the model makes {side}: give small "
            "pictures of which that is a multiple"
        )
    distance = when_shrunk(side // small.shape[1])
    start = starts(editor, len(small), seed)
    return editor.invert(small, given, settings=settings, start=start, distance=distance, seed=seed)


def filled(
    editor: Editor,
    masked: np.ndarray,
    holes: np.ndarray,
    given: Stored | None = None,
    settings: Optimisation = SPHERE,
    seed: int = 0,
) -> tuple[np.ndarray, Inverted]:
    """(pictures with their holes filled, what the model makes): of `masked`, uint8 [N, H, W, C],
    the pixels outside of `holes`, bool [N, H, W, 1], are kept as they are (Yeh et al. 2017,
    arXiv:1607.07539, there with Poisson blending after it).
    """
    column = editor.source.columns[editor.method.makes]
    seen = with_holes(column.load(jnp.asarray(masked)), jnp.asarray(holes))
    start = starts(editor, len(masked), seed)
    found = editor.invert(
        seen, given, settings=settings, start=start, distance=where_known, seed=seed
    )
    return np.where(holes, np.asarray(found.examples), masked), found


def starts(editor: Editor, n: int, seed: int) -> np.ndarray | None:
    """Latents of the prior, where the model has an encoder, which cannot read a damaged picture;
    None, for the best of several draws, where it has none.
    """
    if not can(editor.method, Encodes):
        return None
    key = random.fold_in(random.key(seed), STREAM)
    return np.asarray(editor.method.latents(key, n))

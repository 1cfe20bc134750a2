"""What inversion and editing give."""

from typing import NamedTuple

import numpy as np

from genlab.editing.edits import Changes
from genlab.sampling.conditions import Stored
from genlab.sampling.notebook import Examples


class Inverted(NamedTuple):
    """Examples as the model makes them.

    examples: as stored, [N, ...]
    latents:  [N, D] in the space of that name
    given:    the conditions they are under, as stored
    loss:     [N], the distance and the regulariser's share
    noise:    [N, numbers], the noise maps that were found with the latents; None: those of all
              examples, where the generator has any
    """

    examples: Examples
    latents: np.ndarray
    given: Stored | None
    loss: np.ndarray
    space: str
    noise: np.ndarray | None = None


class Edited(NamedTuple):
    """Examples along a direction, or otherwise changed in K ways.

    examples: as stored, [N K, ...], those of each example in turn
    by:       [K], in standard deviations of the latents along the direction; psi of truncations;
              the number of a change of conditions
    latents:  [N, K, D]
    changes:  what changed; None where nothing measures it, or the direction has no target
    heads:    K texts: what each of an example's K is
    """

    examples: Examples
    by: np.ndarray
    latents: np.ndarray
    changes: Changes | None
    heads: tuple[str, ...] = ()

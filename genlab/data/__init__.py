"""Data: sources that give batch `i` as a function of `(seed, i)`; each name here can stand in a
config.
"""

from genlab.data import image
from genlab.data.arrays import arrays, digits, from_arrays
from genlab.data.folder import folder
from genlab.data.source import Source, to_uint8
from genlab.data.tfds import tfds
from genlab.data.toy import grid, mixture, ring, swiss_roll

__all__ = [
    "Source",
    "arrays",
    "digits",
    "folder",
    "from_arrays",
    "grid",
    "image",
    "mixture",
    "ring",
    "swiss_roll",
    "tfds",
    "to_uint8",
]

"""Data: sources that give batch `i` as a function of `(seed, i)`; each name here can stand in a
config.
"""

from genlab.augment import image
from genlab.data.columns import Image, Label, Mask, Numbers, Points, Tokens, to_uint8
from genlab.data.sets.arrays import arrays, from_arrays, from_columns
from genlab.data.sets.damaged import damaged
from genlab.data.sets.digits import digits
from genlab.data.sets.folder import Faults, Split, Table, folder
from genlab.data.sets.glyphs import glyphs
from genlab.data.sets.misaligned import misaligned
from genlab.data.sets.mnist5k import mnist5k
from genlab.data.sets.photographs import photographs
from genlab.data.sets.products import products, withholding
from genlab.data.sets.single import single
from genlab.data.sets.sprites import sprites
from genlab.data.sets.tfds import tfds
from genlab.data.sets.toy import grid, mixture, ring, swiss_roll
from genlab.data.sets.unpaired import unpaired
from genlab.data.sources import Decodes, Source

__all__ = [
    "Decodes",
    "Faults",
    "Image",
    "Label",
    "Mask",
    "Numbers",
    "Points",
    "Source",
    "Split",
    "Table",
    "Tokens",
    "arrays",
    "damaged",
    "digits",
    "folder",
    "from_arrays",
    "from_columns",
    "glyphs",
    "grid",
    "image",
    "misaligned",
    "mixture",
    "mnist5k",
    "photographs",
    "products",
    "ring",
    "single",
    "sprites",
    "swiss_roll",
    "tfds",
    "to_uint8",
    "unpaired",
    "withholding",
]

"""Columns: what an example consists of, each with a kind; one kind a file.

A kind is a frozen dataclass that knows four things and nothing of any method: how a stored value
becomes what networks take (`load`), how what networks give becomes what is stored, shown and
measured (`store`), how a few are drawn as a picture (`draw`), how one is written (`write`).
"""

from genlab.data.columns.column import Column, first_image, first_label
from genlab.data.columns.image import Image, normalise, to_uint8
from genlab.data.columns.inference import checked, given, inferred
from genlab.data.columns.label import Label
from genlab.data.columns.mask import Mask
from genlab.data.columns.numbers import Numbers
from genlab.data.columns.points import Points
from genlab.data.columns.tokens import Tokens

__all__ = [
    "Column",
    "Image",
    "Label",
    "Mask",
    "Numbers",
    "Points",
    "Tokens",
    "checked",
    "first_image",
    "first_label",
    "given",
    "inferred",
    "normalise",
    "to_uint8",
]

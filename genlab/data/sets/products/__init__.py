"""Drawn products: an endless set of which every factor is known.

`factors` are drawn from an item's key; `categories` makes them the numbers of a few `shapes`, on
which `textures` and `render` paint; `columns` says what an item has, `source` serves it.
"""

from genlab.data.sets.products.damage import Damage
from genlab.data.sets.products.sentence import describe
from genlab.data.sets.products.source import Products, products, withholding

__all__ = ["Damage", "Products", "describe", "products", "withholding"]

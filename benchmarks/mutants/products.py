"""Mistakes in the drawn products: factors, streams, drawing, columns, decoder."""

from functools import partial

from mutants.mutant import Mutant, test

HOME = "genlab/data/sets/products"
FACTORS, SOURCE, RENDER = f"{HOME}/factors.py", f"{HOME}/source.py", f"{HOME}/render.py"
SHAPES, TEXTURES = f"{HOME}/shapes.py", f"{HOME}/textures.py"
COLUMNS, DAMAGE, CATEGORIES = f"{HOME}/columns.py", f"{HOME}/damage.py", f"{HOME}/categories.py"
SENTENCE, PROPOSALS, FITTING = (
    f"{HOME}/{name}.py" for name in ("sentence", "proposals", "fitting")
)
found = partial(test, "data/test_products.py")
DISJOINT = found("splits_and_seeds_have_no_item_in_common_and_no_item_comes_twice")
RANGES = found("every_factor_is_a_column_in_its_range")
MOMENTS = found("orientation_by_moments_and_area_by_scale")
COLOUR = found("mean_colour_is_the_hue_that_was_asked_for")
SIZES = found("the_same_seed_and_index_are_the_same_item_at_every_resolution_up_to_sampling")
BATCHES = found("batches_are_the_items_that_are_read_each_once")
COUNTS = found("counts_are_the_configs_and_a_train_split_without_end_has_any_number")
REGISTER = found("further_columns_are_in_register_with_the_picture")
WITHHELD = found("training_leaves_out_what_is_withheld_and_held_out_splits_have_it")
SECOND = found("second_derivatives_of_shapes_are_finite_everywhere[ellipse]")

PRODUCTS = (
    Mutant(
        "products, columns",
        "a sketch of what is beside the item",
        COLUMNS,
        "strokes = [coverage(jnp.abs(d) - width, found.pixel) for d in contours]",
        "strokes = [coverage(jnp.abs(d - 0.5) - width, found.pixel) for d in contours]",
        found("a_sketch_has_the_items_contour_and_nothing_beside_the_item"),
    ),
    Mutant(
        "products, columns",
        "noise of another amount",
        COLUMNS,
        "item.image + item.damage.noise * noise",
        "item.image + 2 * item.damage.noise * noise",
        found("noise_and_blur_are_of_the_stated_amounts"),
    ),
    Mutant(
        "products, columns",
        "blur of another width",
        DAMAGE,
        "_spread(n, share * height)",
        "_spread(n, 2 * share * height)",
        found("noise_and_blur_are_of_the_stated_amounts"),
    ),
    Mutant(
        "products, drawing",
        "a texture that has no slope by its angle",
        TEXTURES,
        "turn = jnp.deg2rad(angle)",
        "turn = jnp.deg2rad(jax.lax.stop_gradient(angle))",
        found("textures_and_colours_are_twice_differentiable[texture_angle]"),
    ),
    Mutant(
        "products, decoder",
        "the background's share from the wrong end",
        PROPOSALS,
        "share = ((colour - render.WARM) @ way) / (way @ way)",
        "share = 1 - ((colour - render.WARM) @ way) / (way @ way)",
        found("background_silhouette_and_orientation_are_read_off_the_picture"),
    ),
    Mutant(
        "products",
        "another item at every size",
        SOURCE,
        "key = _key(seed, stream, i)",
        "key = _key(seed, stream, i + size)",
        SIZES,
    ),
    Mutant(
        "products, withheld",
        "held-out splits leave it out too",
        SOURCE,
        "jnp.where(stream == TRAIN, around(shares, withheld), shares)",
        "around(shares, withheld)",
        WITHHELD,
    ),
    Mutant(
        "products, withheld",
        "what is withheld comes as often as before",
        f"{HOME}/withheld.py",
        "share = jnp.where(share >= start, share + length, share)",
        "share = jnp.where(share >= start + length, share + length, share)",
        WITHHELD,
    ),
    Mutant(
        "products, withheld",
        "what is left is crowded at its start",
        f"{HOME}/withheld.py",
        "1.0 - sum(length for _, length in cuts)",
        "1.0 - 2 * sum(length for _, length in cuts)",
        WITHHELD,
    ),
    Mutant(
        "products, withheld",
        "stretches that overlap are taken",
        f"{HOME}/withheld.py",
        "at != sorted(at) or",
        "",
        found("stretches_that_cannot_be_withheld_are_refused"),
    ),
    Mutant(
        "products",
        "all splits are one stream",
        SOURCE,
        "random.fold_in(random.fold_in(random.key(seed), stream), index)",
        "random.fold_in(random.fold_in(random.key(seed), 0), index)",
        DISJOINT,
    ),
    Mutant(
        "products",
        "the seed plays no part",
        SOURCE,
        "random.key(seed)",
        "random.key(0)",
        DISJOINT,
    ),
    Mutant(
        "products",
        "an endless split comes round again",
        SOURCE,
        "np.arange(start, start + block, dtype=np.uint32)",
        "np.arange(start, start + block, dtype=np.uint32) % 256",
        DISJOINT,
    ),
    Mutant(
        "products",
        "a finite split in the order that it is read",
        SOURCE,
        "shuffled(key, positions, count).astype(jnp.uint32)",
        "positions % count",
        BATCHES,
    ),
    Mutant(
        "products",
        "no more of an endless split than are counted",
        SOURCE,
        "== ENDLESS else min(n, count)",
        "< ENDLESS else min(n, count)",
        COUNTS,
    ),
    Mutant(
        "products",
        "columns that nobody asks for are drawn",
        SOURCE,
        "tuple(self.columns), self.seed",
        'tuple({**self.columns, "image": 0}), self.seed',
        found("columns_that_nobody_asks_for_are_not_computed"),
    ),
    Mutant(
        "products, factors",
        "half of the range",
        FACTORS,
        "(low + share * (high - low))[None]",
        "(low - share * (high - low))[None]",
        RANGES,
    ),
    Mutant(
        "products, factors",
        "the first label never comes",
        FACTORS,
        "(share * kind.cycle).astype(jnp.int32), kind.cycle - 1",
        "(share * kind.cycle).astype(jnp.int32) + 1, kind.cycle - 1",
        COUNTS,
    ),
    Mutant(
        "products, drawing",
        "turned the other way",
        RENDER,
        "return x * cos + y * sin, y * cos - x * sin",
        "return x * cos - y * sin, y * cos + x * sin",
        MOMENTS,
    ),
    Mutant(
        "products, drawing",
        "the scale does not size the item",
        RENDER,
        'jnp.cos(turn) / factors["scale"][0], jnp.sin(turn) / factors["scale"][0]',
        "jnp.cos(turn) / 0.8, jnp.sin(turn) / 0.8",
        MOMENTS,
    ),
    Mutant(
        "products, drawing",
        "the hue the other way round",
        RENDER,
        "jnp.array([0.0, 4.0, 2.0])",
        "jnp.array([0.0, 2.0, 4.0])",
        COLOUR,
    ),
    Mutant(
        "products, drawing",
        "pixels by their corners",
        RENDER,
        "((np.arange(count) + 0.5) * 2 / count - 1)",
        "(np.arange(count) * 2 / count - 1)",
        SIZES,
    ),
    Mutant(
        "products, drawing",
        "softer edges in a larger picture",
        RENDER,
        'pixel=2.0 / size / factors["scale"][0]',
        'pixel=2.0 / size / factors["scale"][0] * (1 + 31 * (size > 32))',
        SIZES,
    ),
    Mutant(
        "products, shapes",
        "a square root without a slope at 0",
        SHAPES,
        "k1 = jnp.sqrt(u * u + v * v + TINY)",
        "k1 = jnp.sqrt(u * u + v * v)",
        SECOND,
    ),
    Mutant(
        "products, textures",
        "a gradient at the angle itself",
        TEXTURES,
        "along = at.x * (cos * cos - sin * sin) + at.y * (2.0 * cos * sin)",
        "along = at.x * cos + at.y * sin",
        found("textures_are_the_same_again_after_half_a_turn[gradient]"),
    ),
    Mutant(
        "products, textures",
        "dots off the middle of their rows",
        TEXTURES,
        "along = at.v - 0.7 * row",
        "along = at.v - 0.7 * row + 0.1",
        found("textures_are_the_same_again_after_half_a_turn[dots]"),
    ),
    Mutant(
        "products, masks",
        "holes of half the share",
        DAMAGE,
        "round(share * height * width)",
        "round(share * height * width / 2)",
        REGISTER,
    ),
    Mutant(
        "products, masks",
        "the picture where the hole is",
        COLUMNS,
        "jnp.where(item.holes, 0.5, item.image)",
        "jnp.where(item.holes, item.image, 0.5)",
        REGISTER,
    ),
    Mutant(
        "products, masks",
        "the mask is of what is not the item",
        COLUMNS,
        "_square(item, item.drawing.whole < 0)",
        "_square(item, item.drawing.whole > 0)",
        found("a_mask_is_of_the_item"),
    ),
    Mutant(
        "products, masks",
        "means of blocks moved by one",
        DAMAGE,
        "blocks = image.reshape(",
        "blocks = jnp.roll(image, 1, 0).reshape(",
        REGISTER,
    ),
    Mutant(
        "products, sentence",
        "the hue beside the one that is there",
        SENTENCE,
        "(0.5 if centred else 0.0)",
        "(1.5 if centred else 0.0)",
        found("a_sentence_names_the_nearest_hue"),
    ),
    Mutant(
        "products, categories",
        "the second shape number in the place of the first",
        CATEGORIES,
        "[Shape(0, 0, 0), Shape(1, 0, 0), Shape(0, 1, 0), Shape(0, 0, 1)]",
        "[Shape(0, 0, 0), Shape(0, 1, 0), Shape(1, 0, 0), Shape(0, 0, 1)]",
        found("every_number_of_a_category_is_affine_in_its_shape"),
    ),
    Mutant(
        "products, decoder",
        "a step the wrong way",
        FITTING,
        "jnp.clip(x - change, -SLACK, 1 + SLACK)",
        "jnp.clip(x + change, -SLACK, 1 + SLACK)",
        found("least_squares_finds_the_argument"),
    ),
    Mutant(
        "products, decoder",
        "steps that make it worse are taken",
        FITTING,
        "better = new < value",
        "better = new > value",
        found("least_squares_finds_the_argument"),
    ),
    Mutant(
        "products, decoder",
        "colours by the first texture's shares",
        PROPOSALS,
        "gram = plain[None] + (bent + square).reshape(-1, 2, 2)",
        "gram = plain[None] + bent.reshape(-1, 2, 2)",
        found("colours_and_errors_of_textures_are_those_of_least_squares"),
    ),
    Mutant(
        "products, decoder",
        "errors without their second half",
        PROPOSALS,
        "- 2 * (colours * against).sum((1, 2))",
        "- (colours * against).sum((1, 2))",
        found("colours_and_errors_of_textures_are_those_of_least_squares"),
    ),
)

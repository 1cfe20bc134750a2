"""Mistakes in the order, the augmentation and the reading of data."""

from mutants.mutant import Mutant, test

SOURCES, TESTS = "genlab/data/sources.py", "data/test_source.py"
OWN_DRAWS = "every_change_of_every_row_of_every_batch_has_draws_of_its_own"


def with_set(name: str, resident: bool) -> tuple[str, ...]:
    """A test of a set on the device, or of one that is streamed."""
    return test(TESTS, f"{name}[{resident}]")


DATA = (
    Mutant(
        "sprites",
        "a smaller picture is a corner of the large one",
        "genlab/data/sets/sprites.py",
        "(jnp.arange(size) + 0.5) * (SIZE / size)",
        "jnp.arange(size) + 0.5",
        test("data/test_sprites.py", "fewer_pixels_show_the_same_shape"),
    ),
    Mutant(
        "augmentation of data",
        "keyed by row alone, resident: every batch repeats its draws",
        SOURCES,
        "        }\n        return prepared(self.columns, stored, key, positions, self.augment)",
        "        }\n        return prepared(self.columns, stored, key, rows, self.augment)",
        with_set(OWN_DRAWS, True),
    ),
    Mutant(
        "augmentation of data",
        "keyed by row alone, streamed: every batch repeats its draws",
        SOURCES,
        "positions = i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)\n        stored =",
        "positions = rows.astype(jnp.uint32)\n        stored =",
        with_set(OWN_DRAWS, False),
    ),
    Mutant(
        "augmentation of data",
        "one draw for all images of a batch",
        SOURCES,
        "jax.vmap(coloured)(made[name], positions)",
        "jax.vmap(coloured)(made[name], jnp.full_like(positions, positions[0]))",
        with_set(OWN_DRAWS, True),
    ),
    Mutant(
        "augmentation of data",
        "all augmentations share a key",
        SOURCES,
        "stream = random.fold_in(key, number)",
        "stream = key",
        with_set(OWN_DRAWS, False),
    ),
    Mutant(
        "augmentation of data",
        "the run's key ignored",
        SOURCES,
        "key = random.fold_in(key, AUGMENT)",
        "key = random.fold_in(random.key(0), AUGMENT)",
        with_set("an_augmented_batch_is_a_function_of_key_and_index", False),
    ),
    Mutant(
        "augmentation of data",
        "a fill colour inside of a mask",
        SOURCES,
        "change(x, key) if coloured else change(x, key) - change(jnp.zeros_like(x), key)",
        "change(x, key)",
        test(TESTS, "colour_is_of_pictures_and_a_fill_colour_is_outside_of_a_mask"),
    ),
    Mutant(
        "augmentation of data",
        "geometry of pictures alone",
        SOURCES,
        'return column.registers if getattr(change, "geometric", False) else column.coloured',
        "return column.coloured",
        with_set("the_same_geometry_meets_all_that_is_in_register", True),
    ),
    Mutant(
        "augmentation of data",
        "a translation that does not reach its last place",
        "genlab/augment/image.py",
        "(2 * reach + 1)) - reach",
        "(2 * reach)) - reach",
        test("data/test_image.py", "shifts_are_whole_and_uniform"),
    ),
    Mutant(
        "order of data",
        "the same in every epoch",
        SOURCES,
        "_mixed(epochs + seeds[0]) ^ seeds[1]",
        "_mixed(0 * epochs + seeds[0]) ^ seeds[1]",
        test(TESTS, "each_epoch_is_a_permutation"),
    ),
    Mutant(
        "order of data",
        "the same under every seed, resident",
        SOURCES,
        "seeds = random.bits(key, (2,))\n    epoch_key",
        "seeds = random.bits(random.key(0), (2,))\n    epoch_key",
        test(TESTS, "a_row_does_not_depend_on_its_company"),
    ),
    Mutant(
        "order of data",
        "the same under every seed, streamed",
        SOURCES,
        ".shuffle(seed=seed)",
        ".shuffle(seed=0)",
        test(TESTS, "a_stream_may_be_opened_anywhere"),
    ),
    Mutant(
        "order of data",
        "shuffled badly",
        SOURCES,
        "    8  # of the shuffle",
        "    3  # of the shuffle",
        test(TESTS, "every_row_falls_on_every_place_equally_often"),
    ),
    Mutant(
        "order of data",
        "a walk that is no bijection",
        SOURCES,
        "return jnp.where(x < jnp.uint32(n), x, permute(x))",
        "return jnp.where(x < jnp.uint32(n), x, x % jnp.uint32(n))",
        test(TESTS, "each_epoch_is_a_permutation"),
    ),
    Mutant(
        "order of data",
        "a GPU's steps ahead walk on from where they are inside",
        SOURCES,
        "        x = step(x)\n",
        "        x = permute(x)\n",
        test(TESTS, "steps_taken_before_anyone_asks_lead_to_the_same_place"),
    ),
    Mutant(
        "order of data",
        "a resumed stream begins at the first batch",
        SOURCES,
        "drop_remainder=True)[first:]",
        "drop_remainder=True)[0:]",
        test(TESTS, "a_stream_may_be_opened_anywhere"),
    ),
    Mutant(
        "order of data",
        "a stream goes on from where it is, whatever batch is asked for",
        SOURCES,
        "if stream is None or at != first:",
        "if stream is None:",
        test(TESTS, "a_stream_may_be_opened_anywhere"),
    ),
    Mutant(
        "order of data",
        "a device's rows are the first of a batch, resident",
        SOURCES,
        "positions = i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)\n        count =",
        "positions = i.astype(jnp.uint32) * size + jnp.arange(len(rows)).astype(jnp.uint32)\n"
        "        count =",
        test(TESTS, "rows_of_a_batch_can_be_made_alone"),
    ),
    Mutant(
        "order of data",
        "a process's rows are the first of a batch, streamed",
        SOURCES,
        "self.examples[batch * self.size + self.rows[row]]",
        "self.examples[batch * self.size + row]",
        test(TESTS, "a_share_of_the_rows_is_read_as_the_whole_batch_has_them"),
    ),
    Mutant(
        "images",
        "levels displaced",
        "genlab/data/columns/image.py",
        "/ 127.5",
        "/ 128",
        test(TESTS, "levels_survive_the_way_there_and_back"),
    ),
)

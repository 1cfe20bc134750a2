"""Mistakes in which checkpoint is kept, chosen and trusted."""

from mutants.mutant import Mutant, test

CHECKPOINT, SAVED = "genlab/runs/checkpoint.py", "genlab/runs/saved.py"
TESTS, LOOP = "test_checkpoint.py", "test_loop.py"
TIES = test(TESTS, "of_equal_scores_the_newest_is_best_and_nan_never_is")
READ = test(TESTS, "weights_are_read_of_the_best_round_of_one_round_or_of_the_newest")
KEPT = test(TESTS, "the_newest_and_the_best_are_both_kept")

CHECKPOINTS = (
    Mutant(
        "the best checkpoint",
        "the older of two with equal scores",
        SAVED,
        "(sign * found[step], -step)",
        "(sign * found[step], step)",
        TIES,
    ),
    Mutant(
        "the best checkpoint",
        "NaN is a score",
        SAVED,
        "if not math.isnan(value)",
        "if True",
        TIES,
    ),
    Mutant(
        "the best checkpoint",
        "lower is always better",
        SAVED,
        'sign = -1.0 if best.startswith("+") else 1.0',
        "sign = 1.0",
        test(TESTS, "the_best_may_be_the_highest"),
    ),
    Mutant(
        "the best checkpoint",
        "by whatever score it has",
        SAVED,
        'own.get(best.lstrip("+"), math.nan)',
        "next(iter(own.values()), math.nan)",
        TIES,
    ),
    Mutant(
        "the best checkpoint",
        "not kept",
        CHECKPOINT,
        "kept = {*steps[-self.keep :], self._best_of(steps)}",
        "kept = {*steps[-self.keep :]}",
        KEPT,
    ),
    Mutant(
        "the best checkpoint",
        "not read",
        SAVED,
        "key=lambda at: (at == preferred, at)",
        "key=lambda at: at",
        READ,
    ),
    Mutant(
        "the newest checkpoint",
        "the oldest instead",
        CHECKPOINT,
        "newest = [s for s in self.steps[::-1] if s != prefer]",
        "newest = [s for s in self.steps if s != prefer]",
        KEPT,
    ),
    Mutant(
        "the newest checkpoint",
        "not kept",
        CHECKPOINT,
        "*steps[-self.keep :]",
        "*steps[: self.keep]",
        KEPT,
    ),
    Mutant(
        "checksum",
        "places do not count",
        CHECKPOINT,
        "(bits * (2 * places + 1)).sum(dtype=jnp.uint32)",
        "bits.sum(dtype=jnp.uint32)",
        test(TESTS, "checksums_see_every_bit_and_place"),
    ),
    Mutant(
        "checksum",
        "not compared",
        CHECKPOINT,
        'if checksum(found["state"]) != found["sums"]["state"]:',
        "if False:",
        test(TESTS, "a_flipped_bit_is_noticed"),
    ),
    Mutant(
        "resuming",
        "under another placement",
        "genlab/runs/identity.py",
        'whole.get("loop", {}).get("placement", "jit")',
        '"jit"',
        test(LOOP, "a_changed_config_is_refused_with_the_field_that_differs[loop.placement-pmap]"),
    ),
    Mutant(
        "resuming",
        "under pmap on another number of devices",
        "genlab/train/folders.py",
        "was not in (None, place.mesh.size)",
        "was is False",
        test(LOOP, "under_pmap_another_number_of_devices_is_refused_for_it_draws_otherwise"),
    ),
    Mutant(
        "moving averages",
        "not what is sampled and evaluated",
        SAVED,
        'network: average["params"]',
        "network: params[network]",
        test("test_game.py", "moving_averages_follow_their_own_networks_and_their_statistics"),
    ),
    Mutant(
        "loop.best",
        "the better way is the worse",
        "genlab/train/best.py",
        'best if goal == LOWER else f"+{best}" if goal == HIGHER',
        'best if goal == HIGHER else f"+{best}" if goal == LOWER',
        test("test_evaluation.py", "what_cannot_be_scored_is_refused_before_it_is_trained"),
    ),
    Mutant(
        "points of a line",
        "bars hang from the top",
        "genlab/data/pictures.py",
        "across[::-1, None] < heights",
        "across[:, None] < heights",
        test("test_samples.py", "points_of_a_line_are_bars_as_high_as_they_are_many"),
    ),
    Mutant(
        "a run that trains",
        "read as one that has ended",
        "genlab/sampling/load.py",
        "step is None and folder.trains",
        "False",
        test(
            "test_load.py",
            "a_run_that_trains_is_its_newest_checkpoint_and_one_that_has_ended_its_best",
        ),
    ),
    Mutant(
        "columns of a log",
        "rows that lack the term left out",
        "genlab/runs/log.py",
        "[row.get(name) for row in self._rows]",
        "[row[name] for row in self._rows if row.get(name) is not None]",
        test("test_load.py", "a_column_that_some_rows_lack_is_nan_there"),
    ),
)

"""Mistakes in editing."""

from mutants.mutant import IGNORED, SIGN, Mutant, test

INVERSION, OF_INVERSION = "genlab/editing/inversion.py", "editing/test_inversion.py"
DIRECTIONS, OF_DIRECTIONS = "genlab/editing/directions.py", "editing/test_directions.py"
EDITS, OF_EDITS = "genlab/editing/edits.py", "editing/test_edits.py"
FACTORS = "genlab/editing/factors.py"
ENCODER, OF_ENCODER = "genlab/methods/inversion.py", "methods/test_inversion.py"

EDITING = (
    Mutant(
        "inversion",
        IGNORED,
        INVERSION,
        "settings.prior * jnp.square(z).mean(-1)",
        "jnp.square(z).mean(-1)",
        test(OF_INVERSION, "the_prior_makes_it_ridge_regression"),
    ),
    Mutant(
        "inversion",
        "the last latents, not the best",
        INVERSION,
        "take = losses < least",
        "take = losses < jnp.inf",
        test(OF_INVERSION, "a_start_is_never_made_worse_and_the_best_of_several_is_kept"),
    ),
    Mutant(
        "inversion",
        "the worst of the starts",
        INVERSION,
        "reshape(count, n).argmin(1)",
        "reshape(count, n).argmax(1)",
        test(OF_INVERSION, "a_start_is_never_made_worse_and_the_best_of_several_is_kept"),
    ),
    Mutant(
        "inversion",
        "noise depends on the other pictures",
        INVERSION,
        "random.normal(random.fold_in(key, row), z.shape[1:])",
        "random.normal(random.fold_in(key, row + len(problem.rows)), z.shape[1:])",
        test(OF_INVERSION, "a_picture_is_inverted_by_itself"),
    ),
    Mutant(
        "inversion",
        "the learning rate does not fall",
        INVERSION,
        "fall = 0.5 - 0.5 * jnp.cos(fall * jnp.pi)",
        "fall = 1.0",
        test(OF_INVERSION, "the_learning_rate_has_the_projectors_ramps"),
    ),
    Mutant(
        "SeFa",
        "the weakest directions",
        DIRECTIONS,
        "return vectors[:, ::-1][:, :k].T",
        "return vectors[:, :k].T",
        test(OF_DIRECTIONS, "sefa_finds_the_right_singular_vectors_strongest_first"),
    ),
    Mutant(
        "GANSpace",
        "the weakest components",
        DIRECTIONS,
        "coordinates[:, ::-1][:, : min(k, rank)].T @ z",
        "coordinates[:, : min(k, rank)].T @ z",
        test(OF_DIRECTIONS, "ganspace_of_a_linear_layer_finds_them_too"),
    ),
    Mutant(
        "supervised",
        "the covariance in place of the regression",
        DIRECTIONS,
        "np.linalg.solve(gram, centred.T @ (y - y.mean()))",
        "centred.T @ (y - y.mean())",
        test(OF_DIRECTIONS, "a_supervised_direction_is_the_attributes_own"),
    ),
    Mutant(
        "conditional",
        "only half is taken away",
        DIRECTIONS,
        "left = direction - (direction @ basis.T) @ basis",
        "left = direction - 0.5 * (direction @ basis.T) @ basis",
        test(OF_DIRECTIONS, "a_conditional_direction_is_orthogonal_to_the_others"),
    ),
    Mutant(
        "factors",
        "the long way round",
        FACTORS,
        "return change - self.period * np.round(change / self.period) if self.period else change",
        "return change",
        test(OF_EDITS, "a_factor_with_a_period_goes_the_short_way_round"),
    ),
    Mutant(
        "changes",
        "signed changes of other factors cancel",
        EDITS,
        "mean(np.abs(f.difference(*both(f))), f)",
        "mean(f.difference(*both(f)), f)",
        test(OF_EDITS, "changes_are_means_in_units_of_unrelated_examples"),
    ),
    Mutant(
        "at_equal",
        "the strength tried, not the one between",
        EDITS,
        "share = 0.0 if rise == 0 else (amount - found.wanted[last]) / rise",
        "share = 1.0",
        test(OF_EDITS, "edits_are_compared_where_they_change_the_target_equally"),
    ),
    Mutant(
        "encoder",
        SIGN,
        ENCODER,
        "jnp.square(found - wanted)",
        "jnp.square(found + wanted)",
        test(OF_ENCODER, "the_loss_is_of_pictures_made_again_and_latents_found_again"),
    ),
    Mutant(
        "encoder",
        IGNORED,
        ENCODER,
        'total(terms, {"recovery": self.recovery}, step)',
        "total(terms, {}, step)",
        test(OF_ENCODER, "the_loss_is_of_pictures_made_again_and_latents_found_again"),
    ),
)

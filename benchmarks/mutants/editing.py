"""Mistakes in editing."""

from mutants.mutant import IGNORED, SIGN, Mutant, test

INVERSION, OF_INVERSION = "genlab/editing/inversion.py", "editing/test_inversion.py"
NOISE = "genlab/editing/noise.py"
DIRECTIONS, OF_DIRECTIONS = "genlab/editing/directions.py", "editing/test_directions.py"
EDITS, OF_EDITS = "genlab/editing/edits.py", "editing/test_edits.py"
ENCODER, OF_ENCODER = "genlab/methods/inversion.py", "methods/test_inversion.py"

EDITING = (
    Mutant(
        "noise inputs",
        "after the activation",
        "genlab/nets/style.py",
        "x = self._noisy(Conv(features, **init)(x), maps)\n"
        "            x = self._styled(jax.nn.leaky_relu(x, 0.2), next(each))",
        "x = self._noisy(jax.nn.leaky_relu(Conv(features, **init)(x), 0.2), maps)\n"
        "            x = self._styled(x, next(each))",
        test(
            "nets/test_style.py",
            "noise_is_added_before_the_activation_times_the_strength_of_each_channel",
        ),
    ),
    Mutant(
        "noise maps",
        "halved without keeping the variance",
        NOISE,
        "n = 2 * n.reshape(",
        "n = n.reshape(",
        test(OF_INVERSION, "the_autocorrelation_of_noise_is_appendix_ds"),
    ),
    Mutant(
        "noise maps",
        "one direction alone",
        NOISE,
        "for axis in (1, 2):",
        "for axis in (1, 1):",
        test(OF_INVERSION, "the_autocorrelation_of_noise_is_appendix_ds"),
    ),
    Mutant(
        "noise maps",
        "no mean square",
        NOISE,
        "jnp.square((n * jnp.roll(n, 1, axis)).mean((1, 2)))",
        "(n * jnp.roll(n, 1, axis)).mean((1, 2))",
        test(OF_INVERSION, "the_autocorrelation_of_noise_is_appendix_ds"),
    ),
    Mutant(
        "noise maps",
        "their variance is not kept",
        INVERSION,
        "free = {**free, MAPS: normalised(free[MAPS], problem.space.noise)}",
        "free = dict(free)",
        test(
            OF_INVERSION, "noise_maps_are_found_with_the_latents_as_far_as_they_are_noise"
        ),
    ),
    Mutant(
        "noise maps",
        IGNORED,
        INVERSION,
        "loss + settings.noise * autocorrelation",
        "loss + 0 * autocorrelation",
        test(
            OF_INVERSION, "noise_maps_are_found_with_the_latents_as_far_as_they_are_noise"
        ),
    ),
    Mutant(
        "noise maps",
        "edits are without them",
        "genlab/sampling/editor.py",
        "maps = {} if inverted.noise is None else",
        "maps = {} if True else",
        test(
            "editing/test_editor.py",
            "noise_maps_of_a_style_based_gan_are_found_and_stay_in_its_edits",
        ),
    ),
    Mutant(
        "noise inputs",
        "one map for all examples in training",
        "genlab/nets/style.py",
        'random.normal(self.make_rng("dropout"), (n, count))',
        'jnp.repeat(random.normal(self.make_rng("dropout"), (1, count)), n, axis=0)',
        test(
            "nets/test_style.py",
            "noise_is_drawn_for_each_example_in_training_and_else_the_same_for_all",
        ),
    ),
    Mutant(
        "noise inputs",
        "a strength that is not learned",
        "genlab/nets/style.py",
        "noise[..., None] * strength[None, None, None]",
        "noise[..., None] + 0 * strength[None, None, None]",
        test(
            "nets/test_style.py",
            "noise_is_added_before_the_activation_times_the_strength_of_each_channel",
        ),
    ),
    Mutant(
        "noise inputs",
        "maps of all examples in another order",
        "genlab/nets/style.py",
        "parts = jnp.split(noise, ends[:-1], axis=1)",
        "parts = jnp.split(noise[:, ::-1], ends[:-1], axis=1)",
        test(
            "nets/test_style.py",
            "noise_is_added_before_the_activation_times_the_strength_of_each_channel",
        ),
    ),
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
        "genlab/editing/differences.py",
        "return off - period * np.round(off / period) if period else off",
        "return off",
        test(OF_EDITS, "a_factor_with_a_period_goes_the_short_way_round"),
    ),
    Mutant(
        "changes of conditions",
        "what was asked for is unwanted too",
        EDITS,
        "for name in set(names) - own:",
        "for name in set(names):",
        test(OF_EDITS, "changes_of_conditions_leave_out_what_was_asked_for"),
    ),
    Mutant(
        "changes of conditions",
        "the rows of another condition",
        EDITS,
        "np.asarray(x)[i::k]",
        "np.asarray(x)[i * len(x) // k : (i + 1) * len(x) // k]",
        test(OF_EDITS, "changes_of_conditions_leave_out_what_was_asked_for"),
    ),
    Mutant(
        "truncation",
        "towards one mean of all conditions",
        "genlab/sampling/programs.py",
        "if cond is None else jax.lax.map(mean, cond)",
        "if cond is None else jnp.repeat(jax.lax.map(mean, cond)[:1], n, 0)",
        test("editing/test_editor.py", "styles_are_mixed_and_truncated"),
    ),
    Mutant(
        "codes on request",
        "one code in the place of the next",
        "genlab/sampling/codes.py",
        "z = z.at[:, at].set(",
        "z = z.at[:, jnp.arange(z.shape[1])[at] - 1].set(",
        test("test_codes.py", "codes_are_given_and_varied_as_columns_are"),
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

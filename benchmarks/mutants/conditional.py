"""Mistakes in what a conditional critic's heads say and where the players count it."""

from mutants.mutant import DEVICE, IGNORED, SIGN, Mutant, test

ADVERSARIAL = "genlab/losses/adversarial.py"
COLUMNS = "genlab/nets/heads/columns.py"
CONTRAST = "genlab/nets/heads/contrast.py"
CRITIC = "genlab/nets/heads/conditional.py"
TESTS = "losses/test_conditional.py"
PLAYED, STYLES = "methods/test_conditioning.py", "nets/test_style.py"
CODES = "genlab/methods/gan/codes.py"
DROPOUT, STYLE = "genlab/game/dropout.py", "genlab/nets/style.py"
NORMS, SAMPLER = "genlab/nets/layers/norms.py", "genlab/sampling/sampler.py"
BY_HAND = "both_players_of_infogan_maximise_the_likelihood_of_the_samples_codes"
COMBINE = test(TESTS, "heads_projection_and_concatenation_combine_each_column_with_its_weight")
SILENT = test(TESTS, "heads_are_silent_where_conditions_are_dropped_but_for_the_codes")
UNLABELLED = test(TESTS, "a_row_without_a_label_is_compared_with_none")
EVERY_DEVICE = test(TESTS, "contrasts_are_the_global_batchs_on_every_device")
GENERATED = "the generator's score exchanged"


def oracle(case: str) -> tuple[str, ...]:
    """The oracle of a head, "Name-critic" or "Name-generator"."""
    return test(TESTS, f"value_and_gradient_in_the_features_equal_the_oracle[{case}]")


CONDITIONAL = (
    Mutant(
        "conditional",
        "the critic's score of data on samples",
        ADVERSARIAL,
        "columns=4, at=(1, 2, 3)",
        "columns=4, at=(1, 1, 3)",
        oracle("TwinClassifier-critic"),
    ),
    Mutant(
        "conditional",
        GENERATED,
        ADVERSARIAL,
        "columns=4, at=(1, 2, 3)",
        "columns=4, at=(1, 2, 2)",
        oracle("ClassContrast-generator"),
    ),
    Mutant(
        "Classifier",
        "counted by the critic everywhere",
        COLUMNS,
        "[place in where for place in PLACES]",
        "[True for place in PLACES]",
        oracle("Classifier, of a code-critic"),
    ),
    Mutant(
        "Classifier",
        "probabilities instead of their logarithms",
        COLUMNS,
        'log_p = jax.nn.log_softmax(nn.Dense(value.shape[-1], name="label")(features))',
        'log_p = jax.nn.softmax(nn.Dense(value.shape[-1], name="label")(features))',
        oracle("Classifier-generator"),
    ),
    Mutant(
        "Regression",
        "variance instead of deviation",
        COLUMNS,
        "apart = (value - mean) * jnp.exp(-log_sigma)",
        "apart = (value - mean) * jnp.exp(-2 * log_sigma)",
        oracle("Regression, narrow-critic"),
    ),
    Mutant(
        "Regression",
        "the deviation costs nothing",
        COLUMNS,
        "jnp.square(apart) / 2 + log_sigma +",
        "jnp.square(apart) / 2 +",
        oracle("Regression, learned-generator"),
    ),
    Mutant(
        "TwinClassifier",
        SIGN,
        COLUMNS,
        "jnp.stack([of_data, of_samples, of_data - of_samples], axis=-1)",
        "jnp.stack([of_data, of_samples, of_data + of_samples], axis=-1)",
        oracle("TwinClassifier-generator"),
    ),
    Mutant(
        "TwinClassifier",
        "the twins exchanged",
        COLUMNS,
        'for name in ("label", "twin")',
        'for name in ("twin", "label")',
        oracle("TwinClassifier-critic"),
    ),
    Mutant(
        "DiscriminativeClassifier",
        SIGN,
        COLUMNS,
        "jnp.stack([data, sample, data - sample], axis=-1)",
        "jnp.stack([data, sample, data], axis=-1)",
        oracle("DiscriminativeClassifier-generator"),
    ),
    Mutant(
        "DiscriminativeClassifier",
        "each half normalised by itself",
        COLUMNS,
        "(half * value).sum(-1) for half in jnp.split(log_p, 2, axis=-1)",
        "(jax.nn.log_softmax(half) * value).sum(-1) for half in jnp.split(log_p, 2, axis=-1)",
        oracle("DiscriminativeClassifier-critic"),
    ),
    Mutant(
        "ClassContrast",
        "the class's own pairs left out",
        CONTRAST,
        "_log_sum(proxy, similar, others & same) - _log_sum",
        "proxy - _log_sum",
        oracle("ClassContrast-critic"),
    ),
    Mutant(
        "ClassContrast",
        "each example is compared with itself",
        CONTRAST,
        "return ~itself & all_known[None], ",
        "return jnp.ones_like(itself) & all_known[None], ",
        oracle("ClassContrast-generator"),
    ),
    Mutant(
        "ClassContrast",
        "lengths count",
        CONTRAST,
        """    f, v = unit(f), unit(v)
    others, same, similar = _compared(f, label, known)
    proxy, similar""",
        """    others, same, similar = _compared(f, label, known)
    proxy, similar""",
        test(TESTS, "contrasts_see_directions_and_which_classes_are_equal_and_nothing_else"),
    ),
    Mutant(
        "ClassContrast",
        DEVICE,
        CONTRAST,
        "everyone, labels, all_known = map(collectives.gather, (f, label, known))",
        "everyone, labels, all_known = f, label, known",
        EVERY_DEVICE,
    ),
    Mutant(
        "DataToData",
        "negatives of the same class",
        CONTRAST,
        "return proxy - _log_sum(proxy, similar, others & ~same)",
        "return proxy - _log_sum(proxy, similar, others)",
        oracle("DataToData-critic"),
    ),
    Mutant(
        "DataToData",
        "no margin for negatives",
        CONTRAST,
        "similar = jnp.maximum(similar - negative, 0) / temperature",
        "similar = (similar - negative) / temperature",
        oracle("DataToData-critic"),
    ),
    Mutant(
        "DataToData",
        "no margin for the proxy",
        CONTRAST,
        "jnp.minimum((f * v).sum(-1) - positive, 0)",
        "((f * v).sum(-1) - positive)",
        test(TESTS, "d2d_ce_leaves_what_is_near_enough_and_far_enough_as_it_is"),
    ),
    Mutant(
        "DataToData",
        "rows without a label are compared with",
        CONTRAST,
        "return ~itself & all_known[None], ",
        "return ~itself, ",
        UNLABELLED,
    ),
    Mutant(
        "ConditionalDiscriminator",
        IGNORED,
        CRITIC,
        "head.weight * head(features, value, known)",
        "head(features, value, known)",
        COMBINE,
    ),
    Mutant(
        "ConditionalDiscriminator",
        "the last head only",
        CRITIC,
        "scores += self._said(head, features, given)",
        "scores = self._said(head, features, given)",
        COMBINE,
    ),
    Mutant(
        "ConditionalDiscriminator",
        "dropped conditions are learned as if they were zero",
        CRITIC,
        "known = given[GIVEN][:, 0] > 0.5",
        "known = given[GIVEN][:, 0] > -0.5",
        SILENT,
    ),
    Mutant(
        "ConditionalDiscriminator",
        "codes are silent where conditions are dropped",
        CRITIC,
        "if GIVEN in given and not is_code(head.column):",
        "if GIVEN in given:",
        SILENT,
    ),
    Mutant(
        "Codes",
        "the critic is given none",
        "genlab/methods/gan/method.py",
        "return z, *replace(context, codes=self.prior.of(z)).generate(z)",
        "return z, *context.generate(z)",
        test(PLAYED, BY_HAND),
    ),
    Mutant(
        "Codes",
        "continuous ones of half the range",
        CODES,
        "random.uniform(own, (n, self.continuous), minval=-1.0)",
        "random.uniform(own, (n, self.continuous))",
        test(PLAYED, "a_latent_is_noise_one_hot_codes_and_uniform_ones_by_name"),
    ),
    Mutant(
        "Codes",
        "all discrete ones drawn alike",
        CODES,
        "own = random.fold_in(random.fold_in(key, DISCRETE), number)",
        "own = random.fold_in(key, DISCRETE)",
        test(PLAYED, "a_latent_is_noise_one_hot_codes_and_uniform_ones_by_name"),
    ),
    Mutant(
        "Codes",
        "one may enter the critic's trunk",
        CODES,
        "if name in _entering(gan.discriminator):",
        "if False:",
        test(PLAYED, "what_does_not_fit_is_refused_at_build"),
    ),
    Mutant(
        "condition dropout",
        "the share is kept instead",
        DROPOUT,
        "1 - at(share, step), (rows,)",
        "at(share, step), (rows,)",
        test(PLAYED, "rows_are_dropped_whole_and_say_so"),
    ),
    Mutant(
        "condition dropout",
        "only said, not done",
        DROPOUT,
        "found = {name: x * wide[name].astype(x.dtype) for name, x in cond.items()}",
        "found = {name: x + 0 * wide[name].astype(x.dtype) for name, x in cond.items()}",
        test(PLAYED, "a_loss_is_that_of_the_conditions_left"),
    ),
    Mutant(
        "guidance",
        "beyond the conditional output instead of along the line",
        SAMPLER,
        "return free + s * (method.generate(params, stats, z, cond) - free)",
        "return free + (1 + s) * (method.generate(params, stats, z, cond) - free)",
        test(PLAYED, "guidance_is_the_line_through_both_outputs"),
    ),
    Mutant(
        "AdaptiveInstanceNorm",
        "variance instead of deviation",
        NORMS,
        "scale = lax.rsqrt(jnp.square(centred).mean(inside) + 1e-5)",
        "scale = 1 / (jnp.square(centred).mean(inside) + 1e-5)",
        test(STYLES, "adaptive_instance_norm_is_equation_1"),
    ),
    Mutant(
        "AdaptiveInstanceNorm",
        "over the batch too",
        NORMS,
        "centred = wide - lax.expand_dims(wide.mean(inside), inside)",
        "centred = wide - lax.expand_dims(wide.mean(inside).mean(0, keepdims=True), inside)",
        test(STYLES, "adaptive_instance_norm_is_equation_1"),
    ),
    Mutant(
        "style.Up",
        "every layer has the first style",
        STYLE,
        "each = iter(jnp.moveaxis(w, 1, 0))",
        "each = iter(jnp.moveaxis(w[:, :1] + 0 * w, 1, 0))",
        test(
            STYLES,
            "samples_are_the_synthesis_of_mapped_latents_one_style_or_one_for_each_layer",
        ),
    ),
    Mutant(
        "style.Up",
        "the latent's length counts",
        STYLE,
        "given, x = vector(cond), _unit(z)",
        "given, x = vector(cond), z",
        test(STYLES, "a_style_depends_on_the_latents_direction_and_on_what_is_given"),
    ),
    Mutant(
        "style.Up",
        "the mapping moves as the other layers do",
        STYLE,
        "return x @ (self.rate * kernel) + self.rate * bias[None]",
        "return x @ (self.rate * kernel) + bias[None]",
        test(STYLES, "the_mapping_moves_as_much_less_as_its_rate_says"),
    ),
)

"""Mistakes in the divergences of a VAE's latent and in its bounds."""

from mutants.mutant import DETACHED, DEVICE, IGNORED, SIGN, Mutant, test

FILE, TESTS = "genlab/losses/divergence.py", "losses/test_divergence.py"
BOUNDS, OF_BOUNDS = "genlab/losses/bounds.py", "losses/test_bounds.py"
METHOD, OF_METHOD = "genlab/methods/vae.py", "methods/test_vae.py"


def oracle(name: str) -> tuple[str, ...]:
    """A bound against its oracle."""
    return test(OF_BOUNDS, f"value_and_gradients_equal_the_oracle[{name}]")


def devices(name: str) -> tuple[str, ...]:
    """A divergence on two devices."""
    return test(TESTS, f"on_two_devices_a_divergence_is_that_of_the_global_batch[{name}]")


DIVERGENCES = (
    Mutant(
        "monte_carlo_kl",
        "the latent's prior left out",
        FILE,
        "return gaussian_log_prob(*codes[:3]) - gaussian_log_prob(codes.z)\n",
        "return gaussian_log_prob(*codes[:3])\n",
        test(TESTS, "both_kls"),
    ),
    Mutant(
        "free_bits",
        "the maximum before the mean over the batch",
        FILE,
        "jnp.maximum(at(nats, codes.step), collectives.mean(each.mean(axis=0))).sum()",
        "collectives.mean(jnp.maximum(at(nats, codes.step), each).mean(axis=0)).sum()",
        test(TESTS, "free_bits_are_of_the_batchs_mean_and_capacity_follows_its_schedule"),
    ),
    Mutant(
        "free_bits",
        DEVICE,
        FILE,
        "collectives.mean(each.mean(axis=0))",
        "each.mean(axis=0)",
        devices("free_bits"),
    ),
    Mutant(
        "capacity",
        "the schedule stays at its start",
        FILE,
        "kl(codes).mean()) - at(nats, codes.step))",
        "kl(codes).mean()) - at(nats, 0 * codes.step))",
        test(TESTS, "free_bits_are_of_the_batchs_mean_and_capacity_follows_its_schedule"),
    ),
    Mutant(
        "capacity",
        DEVICE,
        FILE,
        "jnp.abs(collectives.mean(kl(codes).mean())",
        "jnp.abs(kl(codes).mean()",
        devices("capacity"),
    ),
    Mutant(
        "imq_mmd",
        "each code compared with itself too",
        FILE,
        "(kernel(_squares(x, every)) * other).sum(axis=1)",
        "kernel(_squares(x, every)).sum(axis=1)",
        test(TESTS, "mmd[imq_mmd]"),
    ),
    Mutant(
        "rbf_mmd",
        SIGN,
        FILE,
        "within(prior, all_prior) - 2 * across",
        "within(prior, all_prior) + 2 * across",
        test(TESTS, "mmd[rbf_mmd]"),
    ),
    Mutant(
        "imq_mmd",
        DEVICE,
        FILE,
        "all_z, all_prior = collectives.gather(codes.z), collectives.gather(prior)",
        "all_z, all_prior = codes.z, prior",
        devices("imq_mmd"),
    ),
    Mutant(
        "sliced_wasserstein",
        "directions not of unit length",
        FILE,
        "    direction = direction / jnp.linalg.norm(direction, axis=0, keepdims=True)\n",
        "",
        test(TESTS, "sliced_wasserstein"),
    ),
    Mutant(
        "sliced_wasserstein",
        "codes and draws of the prior paired as they come",
        FILE,
        "jnp.sort(z @ direction, axis=0)",
        "(z @ direction)",
        test(TESTS, "sliced_wasserstein"),
    ),
    Mutant(
        "total_correlation",
        "the others weighed as in a batch of the whole set",
        FILE,
        "others = (examples - 1) / (examples * (batch - 1))",
        "others = 1 / examples",
        test(TESTS, "stratified_sampling_has_no_bias_for_the_posterior_of_the_set"),
    ),
    Mutant(
        "total_correlation",
        "1 / N given to a column, not to the diagonal",
        FILE,
        "collectives.own_rows(jnp.eye(columns, dtype=bool), rows)",
        "jnp.zeros((rows, columns), bool).at[:, 0].set(True)",
        test(TESTS, "stratified_sampling_has_no_bias_for_the_posterior_of_the_set"),
    ),
    Mutant(
        "total_correlation",
        DEVICE,
        FILE,
        "mean, log_variance = (collectives.gather(x)[None] for x in codes[1:3])",
        "mean, log_variance = (x[None] for x in codes[1:3])",
        devices("total_correlation"),
    ),
    Mutant(
        "mutual_information",
        "weighted sampling without the number of examples",
        FILE,
        "return (-math.log(examples * batch),) * 2",
        "return (-math.log(batch),) * 2",
        test(TESTS, "the_three_terms_of_the_kl_add_up_and_weighted_sampling_is_the_papers"),
    ),
    Mutant(
        "dimension_wise_kl",
        SIGN,
        FILE,
        "sampling)[1] - gaussian_log_prob(codes.z)",
        "sampling)[1] + gaussian_log_prob(codes.z)",
        test(TESTS, "the_three_terms_of_the_kl_add_up_and_weighted_sampling_is_the_papers"),
    ),
    Mutant(
        "iwae",
        "the sum of the weights for their mean",
        BOUNDS,
        "jax.nn.logsumexp(log_w, axis=1) - jnp.log(log_w.shape[1])",
        "jax.nn.logsumexp(log_w, axis=1)",
        oracle("iwae"),
    ),
    Mutant(
        "miwae",
        "groups across the examples",
        BOUNDS,
        "rows = log_w.reshape(len(log_w) * groups, -1)",
        "rows = log_w.T.reshape(len(log_w) * groups, -1)",
        oracle("miwae"),
    ),
    Mutant(
        "ciwae",
        "shares exchanged",
        BOUNDS,
        "beta * _elbo(log_w) + (1 - beta) * _iwae(log_w)",
        "(1 - beta) * _elbo(log_w) + beta * _iwae(log_w)",
        oracle("ciwae"),
    ),
    Mutant(
        "piwae",
        "the encoder climbs the decoder's bound",
        BOUNDS,
        "Estimator(_gradient(_iwae), encoder, encoder)",
        "Estimator(*[_gradient(_iwae)] * 3)",
        oracle("piwae"),
    ),
    Mutant(
        "stl",
        "the score kept",
        BOUNDS,
        "Estimator(weights, weights, jnp.zeros_like)",
        "Estimator(weights, weights, weights)",
        oracle("stl"),
    ),
    Mutant(
        "dreg",
        "weights not squared, which is STL",
        BOUNDS,
        "squares = lambda log_w: weights(log_w) ** 2",
        "squares = lambda log_w: weights(log_w)",
        oracle("dreg"),
    ),
    Mutant(
        "dreg",
        "the decoder's weights squared too",
        BOUNDS,
        "Estimator(weights, squares, jnp.zeros_like)",
        "Estimator(squares, squares, jnp.zeros_like)",
        oracle("dreg"),
    ),
    Mutant(
        "estimated",
        DETACHED,
        BOUNDS,
        "decoder * log_joint(params, still(z))[0]",
        "decoder * log_joint(still(params), still(z))[0]",
        oracle("dreg"),
    ),
    Mutant(
        "divergences",
        IGNORED,
        METHOD,
        "total(values, terms.weights(self._divergences), step)",
        "total(values, {}, step)",
        test(OF_METHOD, "divergences_are_terms_with_weights_of_their_own"),
    ),
    Mutant(
        "bound",
        "the latent's prior left out",
        METHOD,
        "return log_p + gaussian_log_prob(z), after",
        "return log_p, after",
        test(OF_METHOD, "with_a_bound_the_loss_is_minus_it"),
    ),
    Mutant(
        "bound",
        "latents paired with other examples",
        METHOD,
        "lambda c: jnp.repeat(c, k, axis=0)",
        "lambda c: jnp.tile(c, (k,) + (1,) * (c.ndim - 1))",
        test(OF_METHOD, "with_a_bound_the_loss_is_minus_it"),
    ),
)

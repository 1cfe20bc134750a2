"""Mistakes in the likelihoods of a VAE's decoder."""

from mutants.mutant import SIGN, Mutant, test

FILE, TESTS = "genlab/losses/likelihood.py", "losses/test_likelihood.py"


def law(name: str) -> tuple[str, ...]:
    """A law against its own moments."""
    return test(TESTS, f"a_law_sums_to_one_and_its_mean_and_samples_have_its_moments[{name}]")


LIKELIHOODS = (
    Mutant(
        "continuous_bernoulli",
        "not normalised, as a Bernoulli of grey values is not",
        FILE,
        "jax.nn.softplus(theta) + _log_u_coth_u(theta / 2))",
        "jax.nn.softplus(theta))",
        test(TESTS, "continuous_bernoulli"),
    ),
    Mutant(
        "continuous_bernoulli",
        "the mean of a Bernoulli",
        FILE,
        "lambda theta: _langevin(theta / 2)",
        "lambda theta: jnp.tanh(theta / 2)",
        law("continuous_bernoulli"),
    ),
    Mutant(
        "continuous_bernoulli",
        "a wrong term of the series about 0",
        FILE,
        "u**2 / 3 - 7 * u**4 / 90",
        "u**2 / 6 - 7 * u**4 / 90",
        test(TESTS, "continuous_bernoulli"),
    ),
    Mutant(
        "optimal_gaussian",
        "the root of the error for the variance",
        FILE,
        "jnp.maximum(collectives.mean(square.mean()), smallest**2)",
        "jnp.sqrt(jnp.maximum(collectives.mean(square.mean()), smallest**4))",
        test(TESTS, "the_optimal_gaussian_has_the_variance_that_is_best_for_the_batch"),
    ),
    Mutant(
        "laplace",
        "the normalisation of half a law",
        FILE,
        "- jnp.log(2 * scale))",
        "- jnp.log(scale))",
        test(TESTS, "laplace"),
    ),
    Mutant(
        "learned_laplace",
        SIGN,
        FILE,
        "jnp.exp(-log_b) - log_b",
        "jnp.exp(-log_b) + log_b",
        test(TESTS, "laplace"),
    ),
    Mutant(
        "discretised_logistic",
        "the upper tail is given to the last level but one too",
        FILE,
        "jnp.where(x > 1 - half, last, inside)",
        "jnp.where(x > 0.99, last, inside)",
        test(TESTS, "the_mass_of_all_256_levels_is_one[discretised_logistic]"),
    ),
    Mutant(
        "discretised_logistic",
        "no tails",
        FILE,
        "return jnp.where(x < -1 + half, first, jnp.where(x > 1 - half, last, inside))",
        "return jnp.where(x < -2, first, jnp.where(x > 2, last, inside))",
        test(TESTS, "the_mass_of_all_256_levels_is_one[discretised_logistic]"),
    ),
    Mutant(
        "logistic_mixture",
        "weights of the mixture not normalised",
        FILE,
        "jax.nn.logsumexp(jax.nn.log_softmax(logits) + mass, axis=-1)",
        "jax.nn.logsumexp(logits + mass, axis=-1)",
        test(TESTS, "the_mass_of_all_256_levels_is_one[logistic_mixture]"),
    ),
    Mutant(
        "logistic_mixture",
        "each channel has a mixture of its own",
        FILE,
        "log_s, half).sum(axis=-2)",
        "log_s, half)\n        logits = jnp.expand_dims(logits, -2)",
        test(TESTS, "a_mixture_of_logistics_is_the_papers_of_three_channels"),
    ),
    Mutant(
        "logistic_mixture",
        "coefficients without the tanh",
        FILE,
        "return logits, means, log_s, jnp.tanh(coefficients)",
        "return logits, means, log_s, coefficients",
        test(TESTS, "a_mixture_of_logistics_is_the_papers_of_three_channels"),
    ),
    Mutant(
        "logistic_mixture",
        "samples whose channels are independent",
        FILE,
        "m = _shifted(means, coefficients, c, x)",
        "m = means[..., c, :]",
        test(TESTS, "a_mixture_of_logistics_is_the_papers_of_three_channels"),
    ),
    Mutant(
        "categorical",
        "levels cut instead of rounded",
        FILE,
        "jnp.round((x + 1) / 2 * (levels - 1)).astype(jnp.int32)",
        "((x + 1) / 2 * (levels - 1)).astype(jnp.int32)",
        test(TESTS, "the_mass_of_all_256_levels_is_one[categorical]"),
    ),
    Mutant(
        "optimal_gaussian",
        "of each example",
        FILE,
        "collectives.mean(square.mean())",
        "square.mean(tuple(range(1, square.ndim)), keepdims=True)",
        test(TESTS, "the_optimal_gaussian_has_the_variance_that_is_best_for_the_batch"),
    ),
)

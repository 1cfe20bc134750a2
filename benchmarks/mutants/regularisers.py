"""Mistakes in the regularisers of players."""

from mutants.mutant import DETACHED, DEVICE, ON_TWO_DEVICES, ROOT, SIGN, SQUARE, Mutant, test

FILE, TESTS = "genlab/losses/regularisers.py", "losses/test_regularisers.py"


def scene(case: str) -> tuple[str, ...]:
    """The oracle of a regulariser: "name-" where it has one case, else "name-0" by default."""
    name = "value_and_gradient_in_all_parameters_equal_the_oracle"
    return test(TESTS, f"{name}[{case}]")


REGULARISERS = (
    Mutant(
        "latent_consistency_critic",
        SQUARE,
        FILE,
        "(scores(scene.critic, scene.fake) - scores(scene.critic, _nearby(scene, sigma))) ** 2",
        "abs(scores(scene.critic, scene.fake) - scores(scene.critic, _nearby(scene, sigma)))",
        scene("latent_consistency_critic-0"),
    ),
    Mutant(
        "latent_consistency_generator",
        SIGN,
        FILE,
        "return -_per_example(",
        "return _per_example(",
        scene("latent_consistency_generator-0"),
    ),
    Mutant(
        "mode_seeking",
        "not inverted",
        FILE,
        "return 1 / (apart / (",
        "return 1 * (apart / (",
        scene("mode_seeking-"),
    ),
    Mutant(
        "mode_seeking",
        DETACHED,
        FILE,
        "jnp.abs(scene.fake - scene.generator(z))",
        "jnp.abs(scene.fake - lax.stop_gradient(scene.generator(z)))",
        scene("mode_seeking-"),
    ),
    Mutant(
        "path_length",
        ROOT,
        FILE,
        "lengths = jnp.sqrt((along**2).sum(axis=1) + EPS)",
        "lengths = (along**2).sum(axis=1) + EPS",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        "not divided by the root of the number of pixels",
        FILE,
        "random.normal(scene.key, scene.fake.shape) / math.sqrt(height_width)",
        "random.normal(scene.key, scene.fake.shape) / height_width",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        "whole-batch norm",
        FILE,
        "(along**2).sum(axis=1) + EPS",
        "jnp.full(len(along), (along**2).sum()) + EPS",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        DETACHED,
        FILE,
        "along = jax.grad(lambda z: (scene.generator(z) * y).sum())(scene.z)",
        "along = lax.stop_gradient(jax.grad(lambda z: (scene.generator(z) * y).sum())(scene.z))",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        "memory never updated",
        FILE,
        "return (lengths - a) ** 2, (a,)",
        "return (lengths - a) ** 2, (0.0 * a,)",
        test(TESTS, "path_lengths_are_averaged_slowly_and_vanish_for_an_isometry"),
    ),
    Mutant(
        "orthogonal",
        "the diagonal too",
        FILE,
        "total += (_off_diagonal(gram) ** 2).sum()",
        "total += (gram**2).sum()",
        scene("orthogonal-"),
    ),
    Mutant(
        "orthogonal",
        SQUARE,
        FILE,
        "total += (_off_diagonal(gram) ** 2).sum()",
        "total += jnp.abs(_off_diagonal(gram)).sum()",
        scene("orthogonal-"),
    ),
    Mutant(
        "feature_matching",
        "each pair instead of the means",
        FILE,
        "((collectives.mean(real.mean(axis=0)) - collectives.mean(fake.mean(axis=0))) ** 2).sum()",
        "((real - fake) ** 2).sum(axis=1).mean()",
        scene("feature_matching-"),
    ),
    Mutant(
        "feature_matching",
        DEVICE,
        FILE,
        "collectives.mean(real.mean(axis=0)) - collectives.mean(fake.mean(axis=0))",
        "real.mean(axis=0) - fake.mean(axis=0)",
        test(TESTS, ON_TWO_DEVICES),
    ),
    Mutant(
        "feature_matching_l1",
        "the sum over scales",
        FILE,
        "return sum(scales, jnp.zeros(())) / len(scales)",
        "return sum(scales, jnp.zeros(()))",
        scene("feature_matching_l1-"),
    ),
    Mutant(
        "feature_matching_l1",
        SQUARE,
        FILE,
        "_per_example(jnp.abs(a - b)).mean(axis=1)",
        "_per_example(jnp.square(a - b)).mean(axis=1)",
        scene("feature_matching_l1-"),
    ),
    Mutant(
        "pulling_away",
        "norm over the batch instead of the features",
        FILE,
        "jnp.sqrt((features**2).sum(axis=1, keepdims=True) + EPS)",
        "jnp.sqrt((features**2).sum(axis=0, keepdims=True) + EPS)",
        scene("pulling_away-"),
    ),
    Mutant(
        "pulling_away",
        "pairs counted wrongly",
        FILE,
        ".sum(axis=1) / (len(unit) - 1)",
        ".sum(axis=1) / len(unit)",
        scene("pulling_away-"),
    ),
)

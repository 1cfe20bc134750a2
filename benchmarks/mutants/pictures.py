"""Mistakes in the losses between two pictures and between their features."""

from mutants.mutant import DETACHED, IGNORED, ROOT, SIGN, SQUARE, Mutant, test

PIXELS = "genlab/losses/pictures.py"
STRUCTURE, FEATURES = "genlab/losses/structural.py", "genlab/losses/features.py"
TESTS = "losses/test_pictures.py"


def of(case: str) -> tuple[str, ...]:
    """The oracle of one case."""
    return test(TESTS, f"a_loss_of_two_pictures_is_that_of_its_equation[{case}]")


PICTURES = (
    Mutant("l1", "square", PIXELS, "per_picture(jnp.abs(output - target))",
           "per_picture(jnp.square(output - target) + 0)", of("l1")),
    Mutant("l2", SQUARE, PIXELS, "return per_picture(jnp.square(output - target))",
           "return per_picture(jnp.abs(output - target) + 0)", of("l2")),
    Mutant("charbonnier", "epsilon not squared", PIXELS, "+ epsilon**2))", "+ epsilon))",
           of("charbonnier, wide")),
    Mutant("gradient_difference", "signed differences", PIXELS,
           "jnp.abs(jnp.abs(a) - jnp.abs(b))", "jnp.abs(a - b)", of("gradient_difference")),
    Mutant("edge", "a neighbour missing", PIXELS, "x[:, :-2, 1:-1] + x[:, 2:, 1:-1]",
           "x[:, :-2, 1:-1]", of("edge")),
    Mutant("total_variation", "one axis twice", PIXELS, "x[:, :, 1:] - x[:, :, :-1]\n",
           "x[:, 1:] - x[:, :-1]\n", of("total_variation")),
    Mutant("total_variation", "of the target", PIXELS, "jnp.abs(a) for a in _differences(output)",
           "jnp.abs(a) for a in _differences(target)", of("total_variation")),
    Mutant("masked", "polarity", PIXELS, "hole * mask + valid * (1 - mask)",
           "hole * (1 - mask) + valid * mask", of("masked")),
    Mutant("masked", IGNORED, PIXELS, "per_picture(weight * DISTANCES",
           "per_picture(mask * DISTANCES", of("masked, squares")),
    Mutant("ssim", "range of two", STRUCTURE,
           "_compared((output + 1) / 2, (target + 1) / 2, window)",
           "_compared(output + 1, target + 1, window)", of("ssim")),
    Mutant("ssim", "window of another width", STRUCTURE, "SIGMA = 1.5", "SIGMA = 1.6", of("ssim")),
    Mutant("ssim", SIGN, STRUCTURE, "return 1 - (luminance", "return 1 + (luminance", of("ssim")),
    Mutant("ssim", "covariance of means left in", STRUCTURE,
           "_blurred(x * y, window) - mean_x * mean_y", "_blurred(x * y, window)", of("ssim")),
    Mutant("ssim", "constants exchanged", STRUCTURE, "c1, c2 = K1**2, K2**2",
           "c2, c1 = K1**2, K2**2", of("ssim")),
    Mutant("ms_ssim", "luminance at every scale", STRUCTURE,
           "luminance * contrast if scale == scales else contrast", "luminance * contrast",
           of("ms_ssim")),
    Mutant("ms_ssim", "weights not divided by their sum", STRUCTURE,
           "(weight / sum(WEIGHTS[:scales]))", "weight", of("ms_ssim")),
    Mutant("ms_ssim", "never halved", STRUCTURE, "x, y = _halved(x), _halved(y)", "pass",
           of("ms_ssim")),
    Mutant("content", SQUARE, FEATURES, "per_picture(jnp.square(a - b)), output",
           "per_picture(jnp.abs(a - b) + 0), output", of("content")),
    Mutant("content", IGNORED, FEATURES, "(w * of_layer(a, b) for", "(of_layer(a, b) for",
           of("content, weighed")),
    Mutant("content_l1", "square", FEATURES, "per_picture(jnp.abs(a - b)), output",
           "per_picture(jnp.square(a - b) + 0), output", of("content_l1")),
    Mutant("gram", "not divided by the channels", FEATURES, "flat.shape[1] * flat.shape[2]",
           "flat.shape[1]", of("gram")),
    Mutant("gram", "mean over pairs", FEATURES,
           "jnp.square(gram_matrix(a) - gram_matrix(b)).sum(", 
           "jnp.square(gram_matrix(a) - gram_matrix(b)).mean(", of("gram")),
    Mutant("gram_l1", SQUARE, FEATURES, "jnp.abs(gram_matrix(a)", "jnp.square(gram_matrix(a)",
           of("gram_l1")),
    Mutant("statistics", ROOT, FEATURES, "jnp.sqrt(maps.var((1, 2)) + epsilon)",
           "maps.var((1, 2)) + epsilon", of("statistics")),
    Mutant("patch_nce", "temperature multiplied", FEATURES, "products / temperature",
           "products * temperature", of("patch_nce")),
    Mutant("patch_nce", "softmax over the wrong axis", FEATURES,
           "jax.nn.log_softmax(products / temperature)",
           "jax.nn.log_softmax(products / temperature, axis=1)", of("patch_nce")),
    Mutant("patch_nce", DETACHED, FEATURES, '"bid,bjd->bij", queries, lax.stop_gradient(keys)',
           '"bid,bjd->bij", lax.stop_gradient(queries), keys', 
           (*of("patch_nce"), *test(TESTS, "keys_of_patches_are_constants"))),
)  # fmt: skip

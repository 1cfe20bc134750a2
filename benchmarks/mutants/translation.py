"""Games between columns: paired, unpaired, style, try-on."""

from mutants.mutant import Mutant

PAIRED = "tests/methods/test_translation.py::"
UNPAIRED = "tests/methods/test_unpaired.py::"
STYLE = "tests/methods/test_style.py::"
TRYON = "tests/methods/test_tryon.py::"
KEPT = "tests/nets/test_given_kept.py::"


def mutant(of, kind, file, old, new, test):
    """A mutant of a file of genlab that one test should notice."""
    return Mutant(of, kind, f"genlab/{file}", old, new, (test,))


PIX2PIX = PAIRED + "test_pix2pix_is_an_adversarial_loss_over_patches_and_the_comparison"
CYCLEGAN = UNPAIRED + "test_cyclegan_is_its_equations"
ON_BOTH = UNPAIRED + "test_a_network_with_statistics_sees_two_batches_one_after_the_other"
POOL = UNPAIRED + "test_a_pool_shows_earlier_pictures_in_place_of_half_of_the_new_ones"
CUT = UNPAIRED + "test_cut_is_its_equations"
UNIT = UNPAIRED + "test_unit_is_its_equations"
STARGAN = UNPAIRED + "test_stargan_is_its_equations"
JOHNSON = STYLE + "test_johnson_is_its_equations"
ADAIN = STYLE + "test_adain_is_its_equations"
GATYS = STYLE + "test_pixels_are_optimised_until_content_and_style_are_those_asked_for"
GATYS_TERMS = STYLE + "test_what_pixels_are_optimised_for_is_the_sum_of_three_terms"
WORN = TRYON + "test_try_on_is_a_warp_where_the_garment_is_worn_and_a_composition"

COMPARISON = "methods/gan/comparison.py"
CYCLE = "methods/translation/cyclegan.py"
STAR = "methods/translation/stargan.py"

TRANSLATION = (
    mutant(
        "comparison", "outputs", COMPARISON,
        "value + found.get(name, 0.0)", "value", PIX2PIX,
    ),
    mutant(
        "comparison", "target", COMPARISON,
        "for x in seen)", "for x in (output, output))", PIX2PIX,
    ),
    mutant(
        "comparison", "weight", COMPARISON,
        "terms.weights(self._losses, self._perceptual)", "terms.weights(self._losses)", PIX2PIX,
    ),
    mutant(
        "cyclegan", "direction", CYCLE,
        "difference(again_a, a)", "difference(again_a, b)", CYCLEGAN,
    ),
    mutant(
        "cyclegan", "identity", CYCLE,
        "difference(same_b, b)", "difference(same_b, a)", CYCLEGAN,
    ),
    mutant(
        "cyclegan", "two batches in one call", "methods/translation/play.py",
        "jnp.stack([one, other], 1)", "jnp.stack([one, other])", CYCLEGAN,
    ),
    mutant(
        "cyclegan", "two batches of a network with statistics", "methods/translation/play.py",
        "if name in self.stats:", "if name in {}:", ON_BOTH,
    ),
    mutant("cyclegan", "weight", CYCLE, "cycle: Weight = 10.0", "cycle: Weight = 1.0", CYCLEGAN),
    mutant(
        "cyclegan", "critic", CYCLE,
        'play("disc_inverse", fake["inverse"])', 'play("disc_inverse", fake["gen"])', CYCLEGAN,
    ),
    mutant(
        "image pool", "share", "methods/translation/pool.py",
        "random.bernoulli(swap, 0.5)", "random.bernoulli(swap, 0.9)", POOL,
    ),
    mutant(
        "image pool", "filling", "methods/translation/pool.py",
        "filling | swapped, new, earlier", "filling, new, earlier", POOL,
    ),
    mutant(
        "cut", "identity", "methods/translation/cut.py",
        "(contrasts + of_b) / 2", "contrasts + of_b", CUT,
    ),
    mutant(
        "cut", "weight", "methods/translation/cut.py",
        '{"contrast": self.contrast}', "{}", CUT,
    ),
    mutant(
        "unit", "decoder", "methods/translation/unit.py",
        'self._decode(play, "a", z_b)', 'self._decode(play, "a", z_a)', UNIT,
    ),
    mutant(
        "unit", "kl", "methods/translation/unit.py",
        "jnp.square(h).reshape", "jnp.abs(h).reshape", UNIT,
    ),
    mutant(
        "stargan", "labels", STAR,
        "cross_entropy(of_fake, wanted)", "cross_entropy(of_fake, labels)", STARGAN,
    ),
    mutant(
        "stargan", "way back", STAR,
        "{**labels, self.makes: fake}", "{**wanted, self.makes: fake}", STARGAN,
    ),
    mutant(
        "stargan", "sign", STAR,
        "fake_logits - real_logits", "real_logits - fake_logits", STARGAN,
    ),
    mutant(
        "johnson", "style", "methods/style/johnson.py",
        "features.gram(of_made, of_style)", "features.gram(of_made, of_x)", JOHNSON,
    ),
    mutant(
        "adain", "target", "methods/style/adain.py",
        "of_made[-1] - t", "of_made[-1] - of_x[-1]", ADAIN,
    ),
    mutant(
        "adain", "mean", "methods/style/adain.py",
        "/ deviation + new_mean", "/ deviation + mean", ADAIN,
    ),
    mutant(
        "gatys", "content", "editing/style.py",
        "of_made[at], of_content[at]", "of_made[at], of_style[at]", GATYS,
    ),
    mutant(
        "try-on", "mask", "methods/tryon.py",
        "(mask * jnp.abs(a - b))", "(jnp.abs(a - b))", WORN,
    ),
    mutant(
        "try-on", "share", "methods/tryon.py",
        "share * warped + (1 - share) * picture", "share * picture + (1 - share) * warped", WORN,
    ),
    mutant(
        "pasted", "side", "nets/pasted.py",
        "given[self.holes] > 0.5", "given[self.holes] < 0.5",
        KEPT + "test_what_is_known_is_put_back_around_holes",
    ),
    mutant(
        "lab", "scale", "nets/colour.py",
        "200 * (y - z)", "250 * (y - z)",
        KEPT + "test_colours_in_lab_are_those_of_the_standard_and_back",
    ),
    mutant(
        "lab", "lightness too", "losses/colour.py",
        "to_lab(output)[..., 1:] - to_lab(target)[..., 1:]", "to_lab(output) - to_lab(target)",
        KEPT + "test_colours_in_lab_are_those_of_the_standard_and_back",
    ),
    mutant(
        "gatys", "weight", "editing/style.py",
        "+ settings.style * of_style", "+ of_style", GATYS_TERMS,
    ),
    mutant(
        "gatys", "smoothness", "editing/style.py",
        "weighed + settings.smoothness * smooth", "weighed", GATYS_TERMS,
    ),
)  # fmt: skip

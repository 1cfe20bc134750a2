"""Mistakes in what a critic sees its examples through."""

from mutants.mutant import Mutant, test

CONTEXT, METHOD = "genlab/methods/gan/context.py", "genlab/methods/gan/method.py"
ADA, DIFF, TESTS = "genlab/augment/ada.py", "genlab/augment/diffaugment.py", "test_augment.py"
OF_GAN = "methods/test_gan_options.py"
OWN_DRAWS = test(OF_GAN, "data_and_samples_and_every_augmentation_have_draws_of_their_own")
MEMORY = test(OF_GAN, "an_augmentation_remembers_the_critics_moves_and_sees_by_what_it_remembers")
ALIKE = "random_for_each_image_and_a_function_of_the_key"
EVERYTHING = test(OF_GAN, "data_samples_and_penalties_are_all_seen_augmented")
BY_HAND = test(TESTS, "the_controller_by_hand")

AUGMENT = (
    Mutant(
        "a critic's augmentation",
        "data and samples seen through the same draws",
        CONTEXT,
        "key = random.fold_in(random.fold_in(self.key, AUGMENT), stream)",
        "key = random.fold_in(self.key, AUGMENT)",
        OWN_DRAWS,
    ),
    Mutant(
        "a critic's augmentation",
        "all augmentations share a key",
        CONTEXT,
        "own, name = random.fold_in(key, number), _name(number)",
        "own, name = key, _name(number)",
        OWN_DRAWS,
    ),
    Mutant(
        "a critic's augmentation",
        "memory never updated",
        CONTEXT,
        "memory = {**memory, name: one.remember(real, fake, *memory[name])}",
        "memory = {**memory, name: memory[name]}",
        MEMORY,
    ),
    Mutant(
        "a critic's augmentation",
        "the critic's move remembers nothing",
        METHOD,
        "context = context.remember(d_real, d_fake)",
        "context.remember(d_real, d_fake)",
        MEMORY,
    ),
    Mutant(
        "a critic's augmentation",
        "memory never read",
        CONTEXT,
        "x = one.see(x, own, self.step, *self.memory[name])",
        "x = one.see(x, own, self.step, *one.start)",
        MEMORY,
    ),
    Mutant(
        "a critic's augmentation",
        "penalties see examples as they are",
        CONTEXT,
        "precise, seen = in_float32(self.discriminator), self._see(x, REAL)",
        "precise, seen = in_float32(self.discriminator), x",
        EVERYTHING,
    ),
    Mutant(
        "a critic's augmentation",
        "samples seen as they are",
        CONTEXT,
        'self._apply(self.discriminator, "disc", self._see(x, stream), stream)',
        'self._apply(self.discriminator, "disc", self._see(x, stream) if stream == REAL else x, '
        "stream)",
        EVERYTHING,
    ),
    Mutant(
        "diff_augment",
        "one draw for all images of a batch",
        DIFF,
        "random.uniform(key, (batch, 7))",
        "jnp.broadcast_to(random.uniform(key, (1, 7)), (batch, 7))",
        test(TESTS, f"{ALIKE}[diff augment]"),
    ),
    Mutant(
        "diff_augment",
        "the edge repeated instead of grey",
        DIFF,
        "jnp.where(inside[..., None], image[near], 0.0)",
        "image[near]",
        test(TESTS, "diff_augment_against_numpy"),
    ),
    Mutant(
        "diff_augment",
        "contrast about 0",
        DIFF,
        "return mean + drawn.contrast * (image - mean)",
        "return drawn.contrast * image",
        test(TESTS, "diff_augment_against_numpy"),
    ),
    Mutant(
        "diff_augment",
        "shifts to one side",
        DIFF,
        "jnp.floor(u[3:5] * (2 * reach + 1)) - reach",
        "jnp.floor(u[3:5] * (2 * reach + 1))",
        test(TESTS, "diff_augment_draws_the_official_ranges"),
    ),
    Mutant(
        "augment_pipe",
        "one draw for all images of a batch",
        ADA,
        "return jax.vmap(one)(u, random.normal(bell, (n, 7)))",
        "return jax.vmap(one)(u[:1].repeat(n, 0), random.normal(bell, (1, 7)).repeat(n, 0))",
        test(TESTS, f"{ALIKE}[pipe]"),
    ),
    Mutant(
        "augment_pipe",
        "every transformation on every image",
        ADA,
        "jnp.where(gate < often, value, no)",
        "jnp.where(often > 0, value, no)",
        test(TESTS, "the_pipe_draws_the_official_distributions"),
    ),
    Mutant(
        "augment_pipe",
        "transformations in the wrong order",
        ADA,
        "return _cut(_coloured(_placed(image, drawn), drawn), drawn)",
        "return _coloured(_cut(_placed(image, drawn), drawn), drawn)",
        test(TESTS, "the_pipe_against_scipy"),
    ),
    Mutant(
        "augment_pipe",
        "schedule ignored",
        ADA,
        "at(p, step), blit",
        "at(p, 0), blit",
        test(TESTS, "the_pipe_follows_its_schedule"),
    ),
    Mutant(
        "adaptive",
        "logits instead of their signs",
        ADA,
        "collectives.mean(jnp.sign(real).mean())",
        "collectives.mean(real.mean())",
        BY_HAND,
    ),
    Mutant(
        "adaptive",
        "signs of one move only",
        ADA,
        "jnp.sign(signs / moves - target)",
        "jnp.sign(jnp.sign(real).mean() - target)",
        BY_HAND,
    ),
    Mutant(
        "adaptive",
        "pace of one move, not of all since p last moved",
        ADA,
        "pace = images * every / images_per_full",
        "pace = images / images_per_full",
        BY_HAND,
    ),
    Mutant(
        "adaptive",
        "signs of a device, not of the global batch",
        ADA,
        "signs + collectives.mean(jnp.sign(real).mean())",
        "signs + jnp.sign(real).mean()",
        test(TESTS, "the_controller_hears_every_device"),
    ),
    Mutant(
        "instance_noise",
        "schedule ignored",
        "genlab/augment/noise.py",
        "at(std, step)",
        "at(std, 0)",
        test(TESTS, "instance_noise_has_its_schedule_s_deviation_and_takes_points"),
    ),
)

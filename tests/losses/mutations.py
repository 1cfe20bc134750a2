"""Breaks the losses on purpose, one line at a time, and sees that a test goes red each time.

    python tests/losses/mutations.py             # 7 minutes on 2 cores; writes results/mutations.md
    python tests/losses/mutations.py --only r1   # those about r1 alone, writes nothing

Every mutant is a copy of the repository in a temporary folder with one piece of text replaced; the
tests that should notice run there and have to fail by an assertion, not by a crash. Exits 1 where
one survives, or where the text to replace is no longer found exactly once.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # a script has only its own folder there

from losses.penalty_oracles import public  # noqa: E402
from losses.test_adversarial import public as objectives  # noqa: E402

from genlab.losses import penalties, regularisers  # noqa: E402

PAGE = ROOT / "results" / "mutations.md"
LOSSES, METHODS, GENLAB = "genlab/losses/", "genlab/methods/", "genlab/"
ADVERSARIAL, PENALTIES = LOSSES + "adversarial.py", LOSSES + "penalties.py"
REGULARISERS, TOTAL = LOSSES + "regularisers.py", LOSSES + "total.py"
GAN, TERMS, BETWEEN = METHODS + "gan.py", METHODS + "terms.py", METHODS + "between.py"
BOUT = METHODS + "bout.py"
DYNAMICS, GAME, OPTIM = GENLAB + "dynamics.py", GENLAB + "game.py", GENLAB + "optim.py"
NOISE = GENLAB + "views/noise.py"

OF_ADVERSARIAL, OF_PENALTIES = "losses/test_adversarial.py", "losses/test_penalties.py"
OF_REGULARISERS, OF_TOTAL = "losses/test_regularisers.py", "losses/test_total.py"
OF_OPTIONS, OF_DYNAMICS = "methods/test_gan_options.py", "test_dynamics.py"
OF_GAN, OF_GAME = "methods/test_gan.py", "test_game.py"
OF_OPTIM, OF_VIEWS = "test_optim.py", "test_views.py"

SIGN, ROOT_, SQUARE = "sign", "missing root", "missing square"
DETACHED, DEVICE = "detached gradient", "statistics of a device, not of the global batch"
IGNORED, WRONG_MEAN = "weight ignored", "relativistic pairing with the wrong mean"


class Mutant(NamedTuple):
    """of: what is broken; `old`, found once in `file`, becomes `new`; tests: those that notice."""

    of: str
    kind: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def test(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{file}::test_{name}" for name in names)


def logits(case: str) -> tuple[str, ...]:
    """The oracle of an objective, "name-critic" or "name-generator"."""
    name = "value_and_gradient_equal_the_oracle_on_logits_and_patches"
    return test(OF_ADVERSARIAL, f"{name}[{case}]")


def critic(case: str) -> tuple[str, ...]:
    """The oracle of a penalty: "name-" where it has one case, else "name-0" by default."""
    return test(OF_PENALTIES, f"value_and_gradient_in_the_critic_equal_the_oracle[{case}]")


def scene(case: str) -> tuple[str, ...]:
    """The oracle of a regulariser, likewise."""
    name = "value_and_gradient_in_all_parameters_equal_the_oracle"
    return test(OF_REGULARISERS, f"{name}[{case}]")


EVERY_DEVICE = test(OF_ADVERSARIAL, "batch_statistics_are_the_global_batchs_on_every_device")
ON_TWO_DEVICES = "on_two_devices_batch_statistics_are_those_of_the_global_batch"

OBJECTIVES = (
    Mutant(
        "minimax",
        SIGN,
        ADVERSARIAL,
        "generator=lambda real, fake: -_softplus(-real) - _softplus(fake),",
        "generator=lambda real, fake: -_softplus(-real) + _softplus(fake),",
        logits("minimax-generator"),
    ),
    Mutant(
        "minimax",
        "labels exchanged",
        ADVERSARIAL,
        "labels=(lambda logit: _softplus(-logit), _softplus)",
        "labels=(_softplus, lambda logit: _softplus(-logit))",
        test(OF_ADVERSARIAL, "the_critic_is_the_sum_of_both_labels_losses"),
    ),
    Mutant(
        "nonsaturating",
        "saturating instead of non-saturating",
        ADVERSARIAL,
        "minimax._replace(generator=lambda real, fake: _softplus(-fake))",
        "minimax._replace(generator=lambda real, fake: -_softplus(fake))",
        logits("nonsaturating-generator"),
    ),
    Mutant(
        "least_squares",
        "on probabilities instead of logits",
        ADVERSARIAL,
        "critic=lambda real, fake: 0.5 * ((real - 1) ** 2 + fake**2)",
        "critic=lambda real, fake: 0.5 * ((jax.nn.sigmoid(real) - 1) ** 2"
        " + jax.nn.sigmoid(fake) ** 2)",
        logits("least_squares-critic"),
    ),
    Mutant(
        "least_squares",
        "missing half",
        ADVERSARIAL,
        "generator=lambda real, fake: 0.5 * (fake - 1) ** 2",
        "generator=lambda real, fake: (fake - 1) ** 2",
        logits("least_squares-generator"),
    ),
    Mutant(
        "wasserstein",
        SIGN,
        ADVERSARIAL,
        "critic=lambda real, fake: fake - real,",
        "critic=lambda real, fake: real - fake,",
        logits("wasserstein-critic"),
    ),
    Mutant(
        "hinge",
        SIGN,
        ADVERSARIAL,
        "_relu(1 - real) + _relu(1 + fake),",
        "_relu(1 + real) + _relu(1 - fake),",
        logits("hinge-critic"),
    ),
    Mutant(
        "relativistic",
        SIGN,
        ADVERSARIAL,
        "critic=lambda real, fake: _softplus(fake - real),",
        "critic=lambda real, fake: _softplus(real - fake),",
        logits("relativistic-critic"),
    ),
    Mutant(
        "relativistic",
        "data not compared with",
        ADVERSARIAL,
        "generator=lambda real, fake: _softplus(real - fake),",
        "generator=lambda real, fake: _softplus(-fake),",
        logits("relativistic-generator"),
    ),
    Mutant(
        "relativistic_average",
        WRONG_MEAN,
        ADVERSARIAL,
        "data(real - fake_mean) + sample(fake - real_mean)",
        "data(real - real_mean) + sample(fake - fake_mean)",
        logits("relativistic_average-critic"),
    ),
    Mutant(
        "relativistic_average",
        DETACHED,
        ADVERSARIAL,
        "real_mean, fake_mean = parallel.mean((real.mean(), fake.mean()))",
        "real_mean, fake_mean = jax.lax.stop_gradient(parallel.mean((real.mean(), fake.mean())))",
        logits("relativistic_average-critic"),
    ),
    Mutant(
        "relativistic_average",
        DEVICE,
        ADVERSARIAL,
        "parallel.mean((real.mean(), fake.mean()))",
        "(real.mean(), fake.mean())",
        EVERY_DEVICE,
    ),
    Mutant(
        "relativistic_average",
        "labels not exchanged for the generator",
        ADVERSARIAL,
        "Objective(critic, lambda real, fake: critic(fake, real))",
        "Objective(critic, lambda real, fake: -critic(real, fake))",
        logits("relativistic_average-generator"),
    ),
    Mutant(
        "relativistic_average_least_squares",
        SQUARE,
        ADVERSARIAL,
        "lambda logit: (logit - 1) ** 2, lambda logit: (logit + 1) ** 2",
        "lambda logit: abs(logit - 1), lambda logit: abs(logit + 1)",
        logits("relativistic_average_least_squares-critic"),
    ),
    Mutant(
        "relativistic_average_hinge",
        SIGN,
        ADVERSARIAL,
        "lambda logit: _relu(1 - logit), lambda logit: _relu(1 + logit)",
        "lambda logit: _relu(1 + logit), lambda logit: _relu(1 - logit)",
        logits("relativistic_average_hinge-critic"),
    ),
    Mutant(
        "f_kl",
        "missing constant",
        ADVERSARIAL,
        "lambda v: _exp(v - 1)",
        "lambda v: _exp(v)",
        logits("f_kl-critic"),
    ),
    Mutant(
        "f_kl",
        "infinite for extreme logits",
        ADVERSARIAL,
        "jnp.exp(jnp.minimum(x, _LARGEST)) * (1 + jnp.maximum(x - _LARGEST, 0))",
        "jnp.exp(x)",
        test(
            OF_ADVERSARIAL,
            "finite_for_extreme_logits_in_value_and_gradient[f_kl-critic]",
        ),
    ),
    Mutant(
        "f_kl",
        "saddle and practical exchanged",
        ADVERSARIAL,
        '"saddle": lambda real, fake: -data(real) - sample(fake)',
        '"saddle": lambda real, fake: data(fake)',
        logits("f_kl, saddle-generator"),
    ),
    Mutant(
        "f_reverse_kl",
        SIGN,
        ADVERSARIAL,
        "lambda v: _exp(-v), lambda v: v - 1",
        "lambda v: -_exp(-v), lambda v: v - 1",
        logits("f_reverse_kl-critic"),
    ),
    Mutant(
        "f_pearson",
        SQUARE,
        ADVERSARIAL,
        "lambda v: v**2 / 4 + v",
        "lambda v: v / 4 + v",
        logits("f_pearson-critic"),
    ),
    Mutant(
        "f_squared_hellinger",
        SIGN,
        ADVERSARIAL,
        "lambda v: _exp(-v) - 1, lambda v: _exp(v) - 1",
        "lambda v: 1 - _exp(-v), lambda v: _exp(v) - 1",
        logits("f_squared_hellinger-critic"),
    ),
    Mutant(
        "f_jensen_shannon",
        SIGN,
        ADVERSARIAL,
        "lambda v: _softplus(-v) - log2, lambda v: _softplus(v) - log2",
        "lambda v: _softplus(v) - log2, lambda v: _softplus(-v) - log2",
        logits("f_jensen_shannon-critic"),
    ),
    Mutant(
        "energy",
        SIGN,
        ADVERSARIAL,
        "-real + _relu(margin + fake)",
        "-real + _relu(margin - fake)",
        logits("energy-critic"),
    ),
    Mutant(
        "boundary_equilibrium",
        SIGN,
        ADVERSARIAL,
        "-real + k * fake",
        "-real - k * fake",
        logits("boundary_equilibrium-critic"),
    ),
    Mutant(
        "boundary_equilibrium",
        "gamma on the samples instead of the data",
        ADVERSARIAL,
        "k + rate * (gamma * data - sample)",
        "k + rate * (data - gamma * sample)",
        test(OF_ADVERSARIAL, "equilibrium_control_holds_the_ratio_of_errors_at_gamma"),
    ),
    Mutant(
        "multi_hinge",
        SIGN,
        ADVERSARIAL,
        "generator=lambda real, fake: _relu(1 - fake[..., 0])",
        "generator=lambda real, fake: _relu(1 + fake[..., 0])",
        logits("multi_hinge-generator"),
    ),
    Mutant(
        "auxiliary",
        SIGN,
        ADVERSARIAL,
        "*memory) - weight * fake[..., 1]",
        "*memory) + weight * fake[..., 1]",
        logits("auxiliary-generator"),
    ),
    Mutant(
        "auxiliary",
        IGNORED,
        ADVERSARIAL,
        "*memory) - weight * likelihood",
        "*memory) - likelihood",
        logits("auxiliary-critic"),
    ),
    Mutant(
        "dual_contrastive",
        SIGN,
        ADVERSARIAL,
        "_softplus(fake + _log_sum(-real))",
        "_softplus(fake - _log_sum(real))",
        logits("dual_contrastive-critic"),
    ),
    Mutant(
        "dual_contrastive",
        DEVICE,
        ADVERSARIAL,
        "jax.nn.logsumexp(parallel.whole(logits))",
        "jax.nn.logsumexp(logits)",
        EVERY_DEVICE,
    ),
    Mutant(
        "softmax",
        "the critic's target for the generator",
        ADVERSARIAL,
        "_log_partition(real, fake) - (real + fake) / 2",
        "_log_partition(real, fake) - real",
        logits("softmax-generator"),
    ),
    Mutant(
        "softmax",
        DETACHED,
        ADVERSARIAL,
        "return jnp.logaddexp(_log_sum(real), _log_sum(fake))",
        "return jax.lax.stop_gradient(jnp.logaddexp(_log_sum(real), _log_sum(fake)))",
        logits("softmax-critic"),
    ),
)

ON_THE_CRITIC = (
    Mutant(
        "gradient_penalty",
        "whole-batch norm",
        PENALTIES,
        "return (gradients.reshape(len(x), -1) ** 2).sum(axis=1)",
        "return jnp.broadcast_to((gradients**2).sum(), (len(x),))",
        critic("gradient_penalty-0"),
    ),
    Mutant(
        "gradient_penalty",
        DETACHED,
        PENALTIES,
        "gradients = jax.grad(lambda x: scores(critic, x).sum())(x)",
        "gradients = lax.stop_gradient(jax.grad(lambda x: scores(critic, x).sum())(x))",
        critic("gradient_penalty-0"),
    ),
    Mutant(
        "gradient_penalty",
        "shared interpolation coefficient",
        PENALTIES,
        "random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))",
        "random.uniform(key, (1,) + (1,) * (real.ndim - 1))",
        test(OF_PENALTIES, "interpolates_lie_between_with_one_coefficient_per_example"),
    ),
    Mutant(
        "gradient_penalty",
        "a coefficient for each pixel",
        PENALTIES,
        "random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))",
        "random.uniform(key, real.shape)",
        test(OF_PENALTIES, "interpolates_lie_between_with_one_coefficient_per_example"),
    ),
    Mutant(
        "gradient_penalty",
        ROOT_,
        PENALTIES,
        "return (norm - target) ** 2",
        "return (norm**2 - target) ** 2",
        critic("gradient_penalty-0"),
    ),
    Mutant(
        "gradient_penalty",
        SQUARE,
        PENALTIES,
        "return (norm - target) ** 2",
        "return jnp.abs(norm - target)",
        critic("gradient_penalty-0"),
    ),
    Mutant(
        "gradient_penalty",
        "patches summed instead of averaged",
        PENALTIES,
        "return logits.reshape(len(logits), -1).mean(axis=1)",
        "return logits.reshape(len(logits), -1).sum(axis=1)",
        test(OF_PENALTIES, "patch_logits_count_by_their_mean[gradient_penalty]"),
    ),
    Mutant(
        "one_sided_gradient_penalty",
        "two-sided",
        PENALTIES,
        "jax.nn.relu(norm - target) ** 2",
        "(norm - target) ** 2",
        test(OF_PENALTIES, "one_sided_forgives_what_is_below_the_target"),
    ),
    Mutant(
        "one_sided_gradient_penalty",
        SIGN,
        PENALTIES,
        "jax.nn.relu(norm - target) ** 2",
        "jax.nn.relu(target - norm) ** 2",
        critic("one_sided_gradient_penalty-0"),
    ),
    Mutant(
        "zero_centred",
        SQUARE,
        PENALTIES,
        "return squared_norms(critic, interpolates(real, fake, key))\n",
        "return jnp.sqrt(squared_norms(critic, interpolates(real, fake, key)))\n",
        critic("zero_centred-"),
    ),
    Mutant(
        "wasserstein_divergence",
        ROOT_,
        PENALTIES,
        "+ EPS) ** (p / 2)",
        "+ EPS) ** p",
        critic("wasserstein_divergence-0"),
    ),
    Mutant(
        "max_gradient_penalty",
        "mean instead of maximum",
        PENALTIES,
        "jnp.broadcast_to(squares.max(), (len(real),))",
        "jnp.broadcast_to(squares.mean(), (len(real),))",
        critic("max_gradient_penalty-"),
    ),
    Mutant(
        "max_gradient_penalty",
        DEVICE,
        PENALTIES,
        "parallel.whole(squared_norms(critic, interpolates(real, fake, key)))",
        "squared_norms(critic, interpolates(real, fake, key))",
        test(OF_PENALTIES, ON_TWO_DEVICES),
    ),
    Mutant(
        "dragan",
        ROOT_,
        PENALTIES,
        "noisy = real + jnp.sqrt(c) * random.normal",
        "noisy = real + c * random.normal",
        critic("dragan-1"),
    ),
    Mutant(
        "dragan",
        "infinite slope where the gradient is zero",
        PENALTIES,
        "(jnp.sqrt(squared_norms(critic, noisy) + EPS) - k) ** 2",
        "(jnp.sqrt(squared_norms(critic, noisy)) - k) ** 2",
        test(OF_PENALTIES, "finite_where_the_gradient_vanishes[dragan]"),
    ),
    Mutant(
        "r1",
        "on interpolates instead of data",
        PENALTIES,
        "return squared_norms(critic, real) / 2",
        "return squared_norms(critic, interpolates(real, fake, key)) / 2",
        test(OF_PENALTIES, "penalties_on_data_or_samples_alone[r1-1]"),
    ),
    Mutant(
        "r1",
        "missing half",
        PENALTIES,
        "return squared_norms(critic, real) / 2",
        "return squared_norms(critic, real)",
        critic("r1-"),
    ),
    Mutant(
        "r2",
        "on data instead of samples",
        PENALTIES,
        "return squared_norms(critic, fake) / 2",
        "return squared_norms(critic, real) / 2",
        test(OF_PENALTIES, "penalties_on_data_or_samples_alone[r2-0]"),
    ),
    Mutant(
        "drift",
        SQUARE,
        PENALTIES,
        "return scores(critic, real) ** 2",
        "return jnp.abs(scores(critic, real))",
        critic("drift-"),
    ),
    Mutant(
        "consistency",
        "on samples instead of data",
        PENALTIES,
        "return _inconsistency(critic, real, key, augment)",
        "return _inconsistency(critic, fake, key, augment)",
        test(OF_PENALTIES, "penalties_on_data_or_samples_alone[consistency-1]"),
    ),
    Mutant(
        "consistency",
        DETACHED,
        PENALTIES,
        "(scores(critic, x) - scores(critic, augmented(x, key, augment))) ** 2",
        "(scores(critic, x) - lax.stop_gradient(scores(critic, augmented(x, key, augment)))) ** 2",
        critic("consistency-"),
    ),
    Mutant(
        "balanced_consistency",
        IGNORED,
        PENALTIES,
        "return data + samples * generated",
        "return data + generated",
        critic("balanced_consistency-1"),
    ),
    Mutant(
        "balanced_consistency",
        "data and samples with the same augmentations",
        PENALTIES,
        "_inconsistency(critic, fake, random.fold_in(key, 1), augment)",
        "_inconsistency(critic, fake, random.fold_in(key, 0), augment)",
        test(OF_PENALTIES, "consistency_flips_and_translates_by_an_eighth_and_is_balanced"),
    ),
    Mutant(
        "lecam",
        "each side at its own mean",
        PENALTIES,
        "distance(on_data - a_fake) + distance(a_real - on_samples)",
        "distance(on_data - a_real) + distance(a_fake - on_samples)",
        critic("lecam-0"),
    ),
    Mutant(
        "lecam",
        "gradient through the moving average",
        PENALTIES,
        "now = lax.stop_gradient(parallel.mean("
        "jnp.stack([on_data.mean(), on_samples.mean(), 1.0])))",
        "now = parallel.mean(jnp.stack([on_data.mean(), on_samples.mean(), 1.0]))",
        critic("lecam-1"),
    ),
    Mutant(
        "lecam",
        "biased start",
        PENALTIES,
        "memory[0] / memory[2], memory[1] / memory[2]",
        "memory[0], memory[1]",
        critic("lecam-0"),
    ),
    Mutant(
        "one_sided_lecam",
        SIGN,
        PENALTIES,
        "lambda x: jax.nn.relu(x) ** 2",
        "lambda x: jax.nn.relu(-x) ** 2",
        critic("one_sided_lecam-0"),
    ),
)

ON_A_SCENE = (
    Mutant(
        "latent_consistency_critic",
        SQUARE,
        REGULARISERS,
        "(scores(scene.critic, scene.fake) - scores(scene.critic, _nearby(scene, sigma))) ** 2",
        "abs(scores(scene.critic, scene.fake) - scores(scene.critic, _nearby(scene, sigma)))",
        scene("latent_consistency_critic-0"),
    ),
    Mutant(
        "latent_consistency_generator",
        SIGN,
        REGULARISERS,
        "return -_per_example(",
        "return _per_example(",
        scene("latent_consistency_generator-0"),
    ),
    Mutant(
        "mode_seeking",
        "not inverted",
        REGULARISERS,
        "return 1 / (apart / (",
        "return 1 * (apart / (",
        scene("mode_seeking-"),
    ),
    Mutant(
        "mode_seeking",
        DETACHED,
        REGULARISERS,
        "jnp.abs(scene.fake - scene.generator(z))",
        "jnp.abs(scene.fake - lax.stop_gradient(scene.generator(z)))",
        scene("mode_seeking-"),
    ),
    Mutant(
        "path_length",
        ROOT_,
        REGULARISERS,
        "lengths = jnp.sqrt((along**2).sum(axis=1) + EPS)",
        "lengths = (along**2).sum(axis=1) + EPS",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        "not divided by the root of the number of pixels",
        REGULARISERS,
        "random.normal(scene.key, scene.fake.shape) / math.sqrt(height_width)",
        "random.normal(scene.key, scene.fake.shape) / height_width",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        "whole-batch norm",
        REGULARISERS,
        "(along**2).sum(axis=1) + EPS",
        "jnp.full(len(along), (along**2).sum()) + EPS",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        DETACHED,
        REGULARISERS,
        "along = jax.grad(lambda z: (scene.generator(z) * y).sum())(scene.z)",
        "along = lax.stop_gradient(jax.grad(lambda z: (scene.generator(z) * y).sum())(scene.z))",
        scene("path_length-0"),
    ),
    Mutant(
        "path_length",
        "memory never updated",
        REGULARISERS,
        "return (lengths - a) ** 2, (a,)",
        "return (lengths - a) ** 2, (0.0 * a,)",
        test(OF_REGULARISERS, "path_lengths_are_averaged_slowly_and_vanish_for_an_isometry"),
    ),
    Mutant(
        "orthogonal",
        "the diagonal too",
        REGULARISERS,
        "total += (_off_diagonal(gram) ** 2).sum()",
        "total += (gram**2).sum()",
        scene("orthogonal-"),
    ),
    Mutant(
        "orthogonal",
        SQUARE,
        REGULARISERS,
        "total += (_off_diagonal(gram) ** 2).sum()",
        "total += jnp.abs(_off_diagonal(gram)).sum()",
        scene("orthogonal-"),
    ),
    Mutant(
        "feature_matching",
        "each pair instead of the means",
        REGULARISERS,
        "((parallel.mean(real.mean(axis=0)) - parallel.mean(fake.mean(axis=0))) ** 2).sum()",
        "((real - fake) ** 2).sum(axis=1).mean()",
        scene("feature_matching-"),
    ),
    Mutant(
        "feature_matching",
        DEVICE,
        REGULARISERS,
        "parallel.mean(real.mean(axis=0)) - parallel.mean(fake.mean(axis=0))",
        "real.mean(axis=0) - fake.mean(axis=0)",
        test(OF_REGULARISERS, ON_TWO_DEVICES),
    ),
    Mutant(
        "pulling_away",
        "norm over the batch instead of the features",
        REGULARISERS,
        "jnp.sqrt((features**2).sum(axis=1, keepdims=True) + EPS)",
        "jnp.sqrt((features**2).sum(axis=0, keepdims=True) + EPS)",
        scene("pulling_away-"),
    ),
    Mutant(
        "pulling_away",
        "pairs counted wrongly",
        REGULARISERS,
        ".sum(axis=1) / (len(unit) - 1)",
        ".sum(axis=1) / len(unit)",
        scene("pulling_away-"),
    ),
)

OPTIONS = (
    Mutant(
        "weights",
        IGNORED,
        TOTAL,
        "at(weights.get(name, 1.0), step) * value for name",
        "value for name",
        test(OF_TOTAL, "weighs_means_and_logs_every_term_unweighted"),
    ),
    Mutant(
        "weights of penalties",
        IGNORED,
        GAN,
        "            terms.weights(self._penalties, named),",
        "            terms.weights(named),",
        test(OF_GAN, "penalties_are_weighed_named_and_may_have_arguments"),
    ),
    Mutant(
        "weights of regularisers",
        IGNORED,
        GAN,
        "loss, metrics = total(terms_of, terms.weights(named), step)",
        "loss, metrics = total(terms_of, {}, step)",
        test(OF_OPTIONS, "regularisers_reach_the_player_that_has_them[gen-path_length]"),
    ),
    Mutant(
        "lazy penalty",
        "without its factor k",
        TERMS,
        "return term.every * value, now",
        "return value, now",
        test(OF_OPTIONS, "a_lazy_penalty_is_worth_the_same_over_its_rounds"),
    ),
    Mutant(
        "memory of a term",
        "memory never updated",
        TERMS,
        "memory = {**memory, name: now} if past else memory",
        "memory = dict(memory)",
        test(OF_OPTIONS, "a_lazy_penalty_remembers_only_in_its_rounds"),
    ),
    Mutant(
        "memory of a term",
        "memory updated twice",
        TERMS,
        "value, now = term.fn(*seen, *past)",
        "value, now = term.fn(*seen, *(term.fn(*seen, *past)[1] if past else ()))",
        test(OF_PENALTIES, "a_memory_moves_once_each_time_its_penalty_is_taken"),
    ),
    Mutant(
        "memory of a term",
        "updated in rounds it is not taken",
        TERMS,
        "return jnp.zeros(value.shape, value.dtype), past",
        "return jnp.zeros(value.shape, value.dtype), taken(past)[1]",
        test(OF_OPTIONS, "a_lazy_penalty_remembers_only_in_its_rounds"),
    ),
    Mutant(
        "memory of an objective",
        "memory never updated",
        GAN,
        "after = objective.remember(d_real, d_fake, *past)",
        "after = past",
        test(OF_OPTIONS, "an_objective_may_remember"),
    ),
    Mutant(
        "memory of an objective",
        "memory updated twice",
        GAN,
        "after = objective.remember(d_real, d_fake, *past)",
        "after = objective.remember(d_real, d_fake, *objective.remember(d_real, d_fake, *past))",
        test(OF_OPTIONS, "an_objective_may_remember"),
    ),
    Mutant(
        "smoothing",
        "of samples instead of data",
        BETWEEN,
        "(1 - share) * as_data(real) + share * as_sample(real) + as_sample(fake)",
        "as_data(real) + (1 - share) * as_sample(fake) + share * as_data(fake)",
        test(OF_OPTIONS, "smoothing_mixes_the_labels_of_data_alone"),
    ),
    Mutant(
        "top",
        "scaled wrongly",
        BETWEEN,
        "return jnp.where(kept, losses, 0.0) * (n / k)",
        "return jnp.where(kept, losses, 0.0)",
        test(OF_OPTIONS, "the_top_samples_alone_teach_the_generator"),
    ),
    Mutant(
        "top",
        "the worst instead of the best",
        BETWEEN,
        "jnp.sort(parallel.whole(scores))",
        "jnp.sort(parallel.whole(scores))[::-1]",
        test(OF_OPTIONS, "the_top_samples_alone_teach_the_generator"),
    ),
    Mutant(
        "pack",
        "channels mixed",
        BETWEEN,
        "jnp.moveaxis(x.reshape(len(x) // m, m, *x.shape[1:]), 1, -2)",
        "jnp.moveaxis(x.reshape(len(x) // m, m, *x.shape[1:]), 1, -1)",
        test(OF_OPTIONS, "packs_lie_side_by_side_along_the_channels"),
    ),
    Mutant(
        "pool",
        "keeps what it has shown",
        BETWEEN,
        "jnp.where(swapped, fake, earlier)",
        "jnp.where(swapped, earlier, fake)",
        test(OF_OPTIONS, "a_pool_shows_earlier_samples_and_keeps_the_newer"),
    ),
    Mutant(
        "latent step",
        SIGN,
        BETWEEN,
        "return z + rate * g",
        "return z - rate * g",
        test(OF_OPTIONS, "a_latent_step_is_the_damped_natural_gradient"),
    ),
    Mutant(
        "latent step",
        SQUARE,
        BETWEEN,
        "damping + (g**2).sum(axis=1, keepdims=True)",
        "damping + jnp.sqrt((g**2).sum(axis=1, keepdims=True))",
        test(OF_OPTIONS, "a_latent_step_is_the_damped_natural_gradient"),
    ),
    Mutant(
        "views",
        "not looked through",
        BOUT,
        '"disc", self._see(x, stream), stream)',
        '"disc", x, stream)',
        test(OF_OPTIONS, "the_critic_sees_everything_through_the_views"),
    ),
    Mutant(
        "views",
        "data seen through them, samples not",
        BOUT,
        '"disc", self._see(x, stream), stream)',
        '"disc", self._see(x, stream) if stream == REAL else x, stream)',
        test(OF_OPTIONS, "data_samples_and_penalties_are_all_seen_through_the_views"),
    ),
    Mutant(
        "views",
        "penalties do not look through them",
        BOUT,
        "precise, seen = in_float32(self.discriminator), self._see(x, REAL)",
        "precise, seen = in_float32(self.discriminator), x",
        test(OF_OPTIONS, "data_samples_and_penalties_are_all_seen_through_the_views"),
    ),
    Mutant(
        "latent step",
        DETACHED,
        BETWEEN,
        "g = jax.grad(lambda z: score(z).sum() / math.prod(score(z).shape[1:]))(z)",
        "g = jax.lax.stop_gradient("
        "jax.grad(lambda z: score(z).sum() / math.prod(score(z).shape[1:]))(z))",
        test(OF_OPTIONS, "a_latent_step_is_differentiated_through"),
    ),
    Mutant(
        "pool",
        "never shown to the critic",
        GAN,
        "d_fake, bout = bout.judge(shown, FAKE)",
        "d_fake, bout = bout.judge(pack(fake, self.pack), FAKE)",
        test(OF_OPTIONS, "the_critic_judges_what_the_pool_shows"),
    ),
    Mutant(
        "instance noise",
        "a variance for a deviation",
        NOISE,
        "x + at(std, step) * random.normal",
        "x + at(std, step) ** 2 * random.normal",
        test(OF_VIEWS, "instance_noise_has_its_schedule_s_deviation_and_takes_points"),
    ),
    Mutant(
        "order of play",
        "simultaneous instead of alternating",
        GAME,
        "beside: bool = False",
        "beside: bool = True",
        test(
            OF_DYNAMICS,
            "alternating_is_the_default_and_turns_by_a_matrix_of_determinant_one",
        ),
    ),
    Mutant(
        "simultaneous",
        "alternating instead of simultaneous",
        DYNAMICS,
        "player._replace(beside=name != first)",
        "player._replace(beside=False)",
        test(OF_DYNAMICS, "at_once_both_move_from_the_same_point_and_spiral_out"),
    ),
    Mutant(
        "unrolled",
        "look-ahead not differentiated through",
        DYNAMICS,
        "Ahead((opponent,), steps, through=True)",
        "Ahead((opponent,), steps, through=False)",
        test(OF_DYNAMICS, "unrolled_differentiates_through_the_opponents_optimiser"),
    ),
    Mutant(
        "unrolled",
        "look-ahead kept",
        GAME,
        "return ({**params, **moved}, stats, after), seen",
        "point = look_ahead(players[turn[0]].ahead, players, optim, params, stats, opt, batch, "
        "here, state.step)\n"
        "            return ({**params, **moved, **{n: p for n, p in point.items()\n"
        "                    if n not in players[turn[0]].owns}}, stats, after), seen",
        test(OF_DYNAMICS, "unrolling_keeps_nothing_of_what_it_foresaw"),
    ),
    Mutant(
        "unrolled",
        "one step whatever the number",
        GAME,
        "for _ in range(ahead.steps):",
        "for _ in range(min(ahead.steps, 1)):",
        test(OF_DYNAMICS, "unrolled_differentiates_through_the_opponents_optimiser"),
    ),
    Mutant(
        "unrolled",
        "the opponent's optimiser starts anew",
        GAME,
        "point, opt = params, dict(opt)\n",
        "point, opt = params, {n: optim[n].init(_only(params, players[n].owns)) for n in opt}\n",
        test(OF_DYNAMICS, "unrolling_goes_on_from_the_opponents_optimiser_as_it_stands"),
    ),
    Mutant(
        "extragradient",
        "differentiated through the look-ahead",
        GAME,
        "if ahead.through or not ahead.steps:",
        "if True:",
        test(OF_DYNAMICS, "extragradient_spirals_in"),
    ),
    Mutant(
        "extragradient",
        "look-ahead kept",
        GAME,
        "after = optax.apply_updates(owned, updates), {**new_stats, **others}, new_opt",
        "owned = _only(look_ahead(player.ahead, players, optim, params, stats, opt, batch, key, "
        "step), owned)\n"
        "    after = optax.apply_updates(owned, updates), {**new_stats, **others}, new_opt",
        test(OF_DYNAMICS, "extragradient_spirals_in"),
    ),
    Mutant(
        "consensus",
        "missing half",
        DYNAMICS,
        "return squares / 2",
        "return squares",
        test(OF_DYNAMICS, "consensus_descends_half_the_squared_norm_of_all_gradients"),
    ),
    Mutant(
        "consensus",
        "gradients of the first player alone",
        DYNAMICS,
        "for player in players.values():\n                owned = {name: params",
        "for player in list(players.values())[:1]:\n                owned = {name: params",
        test(OF_DYNAMICS, "consensus_descends_half_the_squared_norm_of_all_gradients"),
    ),
    Mutant(
        "consensus",
        IGNORED,
        DYNAMICS,
        'total(terms, {"consensus": weight}, step)',
        "total(terms, {}, step)",
        test(OF_DYNAMICS, "consensus_descends_half_the_squared_norm_of_all_gradients"),
    ),
    Mutant(
        "balanced",
        SIGN,
        DYNAMICS,
        "return metrics[metric] >= least",
        "return metrics[metric] < least",
        test(OF_DYNAMICS, "a_player_that_is_ahead_holds_still"),
    ),
    Mutant(
        "moving average",
        "decay of the other part",
        GAME,
        "return decay * average + (1 - decay) * latest",
        "return (1 - decay) * average + decay * latest",
        test(OF_GAME, "moving_averages_follow_their_own_networks_and_their_statistics"),
    ),
    Mutant(
        "weight clipping",
        "the update clipped instead of the weight",
        OPTIM,
        "return jnp.clip(old + update, -bound, bound) - old",
        "return jnp.clip(update, -bound, bound)",
        test(OF_OPTIM, "clipped_weights_lie_in_their_box"),
    ),
    Mutant(
        "historical averaging",
        "missing factor 2 of the square's gradient",
        OPTIM,
        "pull, n = 2 * at(weight, state.count), state.count + 1",
        "pull, n = at(weight, state.count), state.count + 1",
        test(OF_OPTIM, "historical_averaging_is_the_gradient_of_its_penalty"),
    ),
)

MUTANTS = OBJECTIVES + ON_THE_CRITIC + ON_A_SCENE + OPTIONS


def copied(source: Path, target: Path) -> None:
    """What the tests need of a repository."""
    for folder in ("genlab", "tests"):
        unseen = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / folder, target / folder, ignore=unseen)
    shutil.copy(source / "pyproject.toml", target)


def ran(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Pytest in `root`, which imports the package that lies there."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-rf", "--tb=no", *arguments],
        cwd=root,
        # bytecode is told apart by size and second, too coarse for a file changed on the spot
        env={**os.environ, "PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def verdict(clean: Path, mutant: Mutant) -> tuple[str, str]:
    """(the test that went red, "") or ("", what is the matter)."""
    text = (clean / mutant.file).read_text()
    if (found := text.count(mutant.old)) != 1:
        return "", f"its text is in {mutant.file} {found} times: {mutant.old!r}"
    with tempfile.TemporaryDirectory() as folder:
        copied(clean, Path(folder))
        (Path(folder) / mutant.file).write_text(text.replace(mutant.old, mutant.new))
        result = ran(Path(folder), "-x", *mutant.tests)
    if result.returncode == 0:
        return "", f"survived {', '.join(mutant.tests)}"
    red = re.search(r"^FAILED (.+?) - (\w*)", result.stdout, re.MULTILINE)
    if result.returncode != 1 or red is None or red[2] not in ("AssertionError", "assert"):
        return "", f"crashed instead of failing:\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    return red[1], ""


def checked(clean: Path) -> None:
    """Exits unless the tests are green before anything is broken, red where genlab does not even
    parse, and something breaks every objective, penalty and regulariser.
    """
    terms = [*public(penalties, "critic", "real", "fake", "key"), *public(regularisers, "scene")]
    unbroken = {*objectives(), *terms} - {mutant.of for mutant in MUTANTS}
    if unbroken:
        sys.exit(f"no mutant of {', '.join(sorted(unbroken))}")
    every = sorted({name for mutant in MUTANTS for name in mutant.tests})
    before = ran(clean, *every)
    if before.returncode:
        sys.exit(f"not green without a mutation:\n{before.stdout}{before.stderr}")
    with tempfile.TemporaryDirectory() as folder:
        copied(clean, Path(folder))
        (Path(folder) / TOTAL).write_text("no module at all")
        if not ran(Path(folder), MUTANTS[-1].tests[0]).returncode:
            sys.exit("the tests of a copy import another genlab than the copy's")


def page(rows: list[tuple[Mutant, str]]) -> str:
    """The table."""
    lines = [
        "# Mutations",
        "",
        "Generated by `python tests/losses/mutations.py`: do not edit.",
        "",
        f"Each of these {len(rows)} changes was made alone, in a copy of the repository; the test "
        "beside it, green before, then failed by an assertion. Every objective, penalty and "
        "regulariser is broken at least once.",
        "",
        "| broken | kind | file | instead of | stood | red |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for mutant, red in rows:
        code = [" ".join(text.split()).replace("|", "\\|") for text in (mutant.old, mutant.new)]
        lines.append(
            f"| {mutant.of} | {mutant.kind} | {mutant.file} | `{code[0]}` | `{code[1]}` "
            f"| `{red.removeprefix('tests/')}` |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Breaks them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--only", default="", help="mutants whose name or kind holds this word")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if arguments.only in f"{m.of}, {m.kind}"]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        clean = Path(folder)
        copied(ROOT, clean)
        if not arguments.only:
            checked(clean)
        rows, wrong = [], 0
        for mutant, (red, matter) in zip(
            chosen, pool.map(partial(verdict, clean), chosen), strict=True
        ):
            print(f"{'red ' if red else 'FAIL'} {mutant.of}: {mutant.kind}", matter, flush=True)
            rows.append((mutant, red))
            wrong += not red
    if wrong:
        sys.exit(f"{wrong} of {len(chosen)} mutants were not noticed")
    if not arguments.only:
        PAGE.write_text(page(rows))


if __name__ == "__main__":
    main()

"""Writes docs/losses.md: every objective, penalty, regulariser and option of a game, from the code.

    python tests/losses/document.py

Names, arguments and sources are read from the code, errors are measured against the oracles of the
tests while it runs, and every line of a config on the page is built and fitted to small networks.
It fails where something is in the code and not in the tables here, or the other way round.
"""

import ast
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # a script has only its own folder there

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import tiny  # noqa: E402
from jax import random  # noqa: E402
from losses import test_adversarial, test_penalties, test_regularisers  # noqa: E402
from losses.objective_oracles import ORACLES  # noqa: E402
from losses.penalty_oracles import SHAPE, B, Theta, Z, parameters  # noqa: E402

from genlab import augment, game  # noqa: E402
from genlab.config import build, spec  # noqa: E402
from genlab.config.experiment import Experiment  # noqa: E402
from genlab.game import dynamics, optim  # noqa: E402
from genlab.losses import adversarial, penalties, regularisers  # noqa: E402
from genlab.methods import GAN  # noqa: E402
from genlab.methods.gan import options, terms  # noqa: E402
from genlab.nets import Discriminator, Generator, layers, mlp  # noqa: E402
from genlab.nets.layers import minibatch, spectral  # noqa: E402
from genlab.sampling import batch_norm  # noqa: E402

PAGE = ROOT / "docs" / "losses.md"
TESTS = "tests/"
NAMES = """\
import optax
from genlab import spec
from genlab.game.dynamics import balanced, consensus, extragradient, simultaneous, unrolled
from genlab.losses import adversarial
from genlab.methods.gan.options import latent_step
from genlab.nets import Discriminator, Generator, heads, layers, minibatch, mlp, spectral
from genlab.game.optim import clip_weights, historical_averaging, ramped
from genlab.augment import adaptive, augment_pipe, diff_augment, instance_noise
"""
ROWS = 8
OF_LABELS = (
    "generator=spec(Generator, spec(mlp.Up, (8, 8, 1), (16,)), classes=3), "
    "discriminator=spec(heads.{}, spec(mlp.Down, (16,)), classes=3)"
)
CITATION = re.compile(
    r"(?P<who>[A-Z][\w-]+(?: & [A-Z][\w-]+| et al\.)? \d{4}), arXiv:(?P<id>\d{4}\.\d{4,5}(?:v\d+)?)"
    r"(?P<where>(?:, (?:Eqs?\. [\d-]+\d|Eq\. \d|Sections? \d[.\d]*\d|Section \d|Algorithm \d"
    r"|Appendix [A-Z](?:\.\d)?|Tables \d and \d|appendix)(?: and Algorithm \d)?)*)"
)
NONE = "none of them"


class Entry(NamedTuple):
    """formula: its lines; config: how a config has it; peers: who else, and what is wrong there."""

    formula: tuple[str, ...]
    config: str
    peers: str


class Option(NamedTuple):
    """config: a line of one; of: the text with its source; test: "file::name"; peers: as above."""

    name: str
    config: str
    of: str
    test: str
    peers: str


OBJECTIVES = {
    "minimax": Entry(
        ("critic:    softplus(-r) + softplus(f)", "generator: -softplus(-r) - softplus(f)"),
        'objective="minimax"',
        "TF-GAN, torchgan (`nonsaturating=False`); mimicry's `gan` is the non-saturating loss",
    ),
    "nonsaturating": Entry(
        ("critic:    softplus(-r) + softplus(f)", "generator: softplus(-f)"),
        'objective="nonsaturating"',
        "StudioGAN, compare_gan, mimicry (log(sigmoid + 1e-8): no gradient far below 0), TF-GAN "
        "(by default with labels smoothed by 0.25), torchgan, StyleGAN2-ADA, flaxmodels, "
        "mmgeneration",
    ),
    "least_squares": Entry(
        ("critic:    ((r - 1)² + f²) / 2", "generator: (f - 1)² / 2"),
        'objective="least_squares"',
        "StudioGAN, compare_gan (on probabilities instead of logits: another game), TF-GAN, "
        "torchgan, mmgeneration (without the halves)",
    ),
    "wasserstein": Entry(
        ("critic:    f - r", "generator: -f"),
        'objective="wasserstein"',
        "StudioGAN, compare_gan, mimicry, TF-GAN, torchgan, mmgeneration",
    ),
    "hinge": Entry(
        ("critic:    max(0, 1 - r) + max(0, 1 + f)", "generator: -f"),
        'objective="hinge"',
        "StudioGAN, compare_gan, mimicry, TF-GAN, lightweight-gan (signs reversed: a lower logit "
        "is more like data), mmgeneration",
    ),
    "relativistic": Entry(
        ("critic:    softplus(f - r)", "generator: softplus(r - f)"),
        'objective="relativistic"',
        "R3GAN",
    ),
    "relativistic_average": Entry(
        (
            "critic:    softplus(-(r - E f)) + softplus(f - E r)",
            "generator: softplus(-(f - E r)) + softplus(r - E f)",
        ),
        'objective="relativistic_average"',
        "TF-GAN",
    ),
    "relativistic_average_least_squares": Entry(
        (
            "critic:    (r - E f - 1)² + (f - E r + 1)²",
            "generator: (f - E r - 1)² + (r - E f + 1)²",
        ),
        'objective="relativistic_average_least_squares"',
        NONE,
    ),
    "relativistic_average_hinge": Entry(
        (
            "critic:    max(0, 1 - (r - E f)) + max(0, 1 + f - E r)",
            "generator: max(0, 1 - (f - E r)) + max(0, 1 + r - E f)",
        ),
        'objective="relativistic_average_hinge"',
        NONE,
    ),
    "f_kl": Entry(
        ("critic:    -r + exp(f - 1)", "generator: -f", "saddle:    r - exp(f - 1)"),
        'objective="f_kl"',
        NONE,
    ),
    "f_reverse_kl": Entry(
        ("critic:    exp(-r) + f - 1", "generator: exp(-f)", "saddle:    1 - exp(-r) - f"),
        'objective="f_reverse_kl"',
        NONE,
    ),
    "f_pearson": Entry(
        ("critic:    -r + f² / 4 + f", "generator: -f", "saddle:    r - f² / 4 - f"),
        'objective="f_pearson"',
        NONE,
    ),
    "f_squared_hellinger": Entry(
        (
            "critic:    exp(-r) - 1 + exp(f) - 1",
            "generator: exp(-f) - 1",
            "saddle:    2 - exp(-r) - exp(f)",
        ),
        'objective="f_squared_hellinger"',
        NONE,
    ),
    "f_jensen_shannon": Entry(
        (
            "critic:    softplus(-r) + softplus(f) - 2 log 2",
            "generator: softplus(-f) - log 2",
            "saddle:    2 log 2 - softplus(-r) - softplus(f)",
        ),
        'objective="f_jensen_shannon"',
        "none of them under this name: it is `nonsaturating`, or `minimax`, less a constant",
    ),
    "energy": Entry(
        ("critic:    -r + max(0, margin + f)", "generator: -f", "           energy = -logit"),
        "objective=spec(adversarial.energy, margin=10.0)",
        "torchgan",
    ),
    "boundary_equilibrium": Entry(
        (
            "critic:    L(x) - k L(G(z)),  L = -logit",
            "generator: L(G(z))",
            "k ← clip(k + rate (gamma E L(x) - E L(G(z))), 0, 1)",
        ),
        "objective=spec(adversarial.boundary_equilibrium, gamma=0.75, rate=0.001)",
        "torchgan",
    ),
    "multi_hinge": Entry(
        (
            "critic:    max(0, 1 - margin of the label, of x)",
            '           + max(0, 1 - margin of "generated", of G(z))',
            "generator: max(0, 1 - margin of the label, of G(z))",
        ),
        'objective="multi_hinge", ' + OF_LABELS.format("MarginDiscriminator"),
        "StudioGAN",
    ),
    "auxiliary": Entry(
        (
            "critic:    base.critic(r, f) - weight (log p(y | x) + log p(y | G(z)))",
            "generator: base.generator(r, f) - weight log p(y | G(z))",
        ),
        'objective=spec(adversarial.auxiliary, base="hinge", weight=1.0), '
        + OF_LABELS.format("AuxiliaryDiscriminator"),
        "StudioGAN (modified), TF-GAN, torchgan",
    ),
    "dual_contrastive": Entry(
        (
            "critic:    log(1 + Σ_j exp(f_j - r)) + log(1 + Σ_j exp(f - r_j))",
            "generator: minus that",
        ),
        'objective="dual_contrastive"',
        "lightweight-gan",
    ),
    "softmax": Entry(
        (
            "critic:    log Z - r,            Z = Σ_j exp(r_j) + Σ_j exp(f_j)",
            "generator: log Z - (r + f) / 2",
        ),
        'objective="softmax"',
        "none of them (a script of PyTorch-GAN)",
    ),
}

WRONG_IN_TORCHGAN = (
    "one coefficient for the whole batch, one norm over it, and an optimiser step of its own"
)
PENALTIES = {
    "gradient_penalty": Entry(
        ("(|∇D(x̂)| - target)²,  x̂ = x + a (G(z) - x),  a ~ U[0, 1] for each example",),
        'penalties={"gradient_penalty": 10.0}',
        "StudioGAN, compare_gan (1e-4 under the root), mimicry, TF-GAN (1e-10 there), "
        f"mmgeneration; torchgan's is wrong: {WRONG_IN_TORCHGAN}",
    ),
    "one_sided_gradient_penalty": Entry(
        ("max(0, |∇D(x̂)| - target)²",),
        'penalties={"one_sided_gradient_penalty": 10.0}',
        "TF-GAN (`one_sided`)",
    ),
    "zero_centred": Entry(("|∇D(x̂)|²",), 'penalties={"zero_centred": 10.0}', NONE),
    "wasserstein_divergence": Entry(
        ("|∇D(x̂)|^p",),
        'objective="wasserstein", penalties={"wasserstein_divergence": 2.0}',
        "none of them (a script of PyTorch-GAN)",
    ),
    "max_gradient_penalty": Entry(
        ("max over the batch of |∇D(x̂)|²",),
        'penalties={"max_gradient_penalty": 1.0}',
        "StudioGAN",
    ),
    "dragan": Entry(
        ("(|∇D(x + d)| - k)²,  d ~ N(0, c I)",),
        'penalties={"dragan": 10.0}',
        "compare_gan (uniform noise of the batch's deviation, clipped to [0, 1]), StudioGAN "
        "(likewise, and beside the Wasserstein loss, which is not the paper's); torchgan's is "
        "wrong as its gradient penalty is",
    ),
    "r1": Entry(
        ("|∇D(x)|² / 2",),
        'penalties={"r1": dict(weight=10.0, every=16)}',
        "StudioGAN, R3GAN, StyleGAN2-ADA, flaxmodels, lightweight-gan, mmgeneration",
    ),
    "r2": Entry(("|∇D(G(z))|² / 2",), 'penalties={"r2": 10.0}', "R3GAN, lightweight-gan"),
    "drift": Entry(("D(x)²",), 'penalties={"drift": 0.001}', "TF-GAN (an example), mmgeneration"),
    "consistency": Entry(("(D(x) - D(T(x)))²",), 'penalties={"consistency": 10.0}', "StudioGAN"),
    "balanced_consistency": Entry(
        ("(D(x) - D(T(x)))² + samples (D(G(z)) - D(T(G(z))))²",),
        'penalties={"balanced_consistency": 10.0}',
        "StudioGAN",
    ),
    "lecam": Entry(
        ("(D(x) - a_F)² + (D(G(z)) - a_R)²,  a moving averages of the other side's logits",),
        'penalties={"lecam": 0.3}',
        "none of them: StudioGAN's is the one-sided version",
    ),
    "one_sided_lecam": Entry(
        ("max(0, D(x) - a_F)² + max(0, a_R - D(G(z)))²",),
        'penalties={"one_sided_lecam": 0.3}',
        "StudioGAN",
    ),
}

REGULARISERS = {
    "latent_consistency_critic": Entry(
        ("(D(G(z)) - D(G(z + dz)))²,  dz ~ N(0, sigma² I)",),
        'regularisers={"disc": {"latent_consistency_critic": 20.0}}',
        "StudioGAN",
    ),
    "latent_consistency_generator": Entry(
        ("-|G(z) - G(z + dz)|²,  dz ~ N(0, sigma² I)",),
        'regularisers={"gen": {"latent_consistency_generator": 0.5}}',
        "StudioGAN",
    ),
    "mode_seeking": Entry(
        ("d(z, z') / d(G(z), G(z')),  d the mean absolute difference",),
        'regularisers={"gen": {"mode_seeking": 1.0}}',
        NONE,
    ),
    "path_length": Entry(
        ("(|Jᵀy| - a)²,  y ~ N(0, I) / √(pixels),  a the moving average of |Jᵀy|",),
        'regularisers={"gen": {"path_length": dict(weight=2.0, every=4)}}',
        "StudioGAN, StyleGAN2-ADA, flaxmodels, mmgeneration",
    ),
    "orthogonal": Entry(
        ("Σ over kernels W of |WᵀW ⊙ (1 - I)|²",),
        'regularisers={"disc": {"orthogonal": 1e-4}, "gen": {"orthogonal": 1e-4}}',
        "BigGAN-PyTorch; StudioGAN and compare_gan have orthogonal initialisation alone",
    ),
    "feature_matching": Entry(
        ("|E φ(x) - E φ(G(z))|²,  φ the critic's features",),
        'regularisers={"gen": {"feature_matching": 1.0}}',
        "StudioGAN (absolute difference), torchgan",
    ),
    "pulling_away": Entry(
        ("mean over j ≠ i of cos²(φ(G(z_i)), φ(G(z_j)))",),
        'regularisers={"gen": {"pulling_away": 0.1}}',
        "torchgan's normalises over the batch instead of the features",
    ),
}


def field(name: str) -> str:
    """What a GAN's docstring says of a field."""
    found = re.search(rf"^\s*{name}:\s(.*?)(?=^\s*\w+:\s|\Z)", GAN.__doc__, re.M | re.S)
    return found[1]


OPTIONS = (
    Option(
        "spectral normalisation",
        "discriminator=spec(spectral.SpectralNorm, spec(Discriminator, spec(mlp.Down, (16,))))",
        spectral.SpectralNorm.__doc__,
        "nets/test_layers.py::test_spectral_norm_is_the_power_iteration_by_hand",
        "StudioGAN, compare_gan, mimicry, TF-GAN, torchgan, mmgeneration",
    ),
    Option(
        "weight clipping",
        'optim={"disc": spec(optax.chain, spec(optax.rmsprop, 5e-5), spec(clip_weights, 0.01)), '
        '"gen": spec(optax.rmsprop, 5e-5)}',
        optim.clip_weights.__doc__,
        "test_optim.py::test_clipped_weights_lie_in_their_box",
        "StudioGAN, TF-GAN, torchgan",
    ),
    Option(
        "moving average with a ramp",
        'ema={"gen": spec(ramped, half_life=10_000, batch=64)}',
        optim.ramped.__doc__,
        "test_optim.py::test_ramped_forgets_half_in_its_half_life",
        "StudioGAN, R3GAN, StyleGAN2-ADA (with a ramp); compare_gan, flaxmodels, lightweight-gan, "
        "mmgeneration (without)",
    ),
    Option(
        "instance noise",
        "views=(spec(instance_noise, spec(optax.linear_schedule, 0.1, 0.0, 1000)),)",
        augment.instance_noise.__doc__,
        "test_views.py::test_instance_noise_has_its_schedule_s_deviation_and_takes_points",
        NONE,
    ),
    Option(
        "label smoothing",
        "smoothing=0.1",
        field("smoothing"),
        "methods/test_gan_options.py::test_smoothing_mixes_the_labels_of_data_alone",
        "TF-GAN, torchgan; mimicry and mmgeneration in part",
    ),
    Option(
        "feature matching",
        'regularisers={"gen": {"feature_matching": 1.0}}',
        regularisers.feature_matching.__doc__,
        "losses/test_regularisers.py::test_value_and_gradient_in_all_parameters_equal_the_oracle",
        "StudioGAN, torchgan",
    ),
    Option(
        "minibatch discrimination",
        "discriminator=spec(Discriminator, spec(layers.Chain, "
        "(spec(mlp.Down, (16,)), spec(minibatch.MinibatchDiscrimination))))",
        minibatch.MinibatchDiscrimination.__doc__,
        "nets/test_layers.py::test_minibatch_discrimination_is_the_equation_by_hand",
        "torchgan",
    ),
    Option(
        "minibatch standard deviation",
        "discriminator=spec(Discriminator, spec(layers.Chain, "
        "(spec(mlp.Down, (16,)), spec(minibatch.MinibatchStddev, group=4))))",
        minibatch.MinibatchStddev.__doc__,
        "nets/test_layers.py::test_minibatch_stddev_is_the_deviation_by_hand",
        "StudioGAN, StyleGAN2-ADA, flaxmodels, mmgeneration; TF-GAN (an example)",
    ),
    Option(
        "virtual batch normalisation",
        "generator=spec(layers.WithReference, spec(Generator, "
        'spec(mlp.Up, (8, 8, 1), (16,), norm="VirtualBatchNorm")), size=4)',
        layers.VirtualBatchNorm.__doc__,
        "nets/test_layers.py::test_virtual_batch_norm_is_the_equation_by_hand",
        "TF-GAN, torchgan",
    ),
    Option(
        "historical averaging",
        'optim={"disc": spec(optax.sgd, 0.01), "gen": '
        "spec(optax.chain, spec(historical_averaging, 1.0), spec(optax.sgd, 0.01))}",
        optim.historical_averaging.__doc__,
        "test_optim.py::test_historical_averaging_is_the_gradient_of_its_penalty",
        "torchgan",
    ),
    Option(
        "pool of earlier samples",
        "pool=64",
        field("pool"),
        "methods/test_gan_options.py::test_a_pool_shows_earlier_samples_and_keeps_the_newer",
        "TF-GAN; mmgeneration (pix2pix, CycleGAN)",
    ),
    Option(
        "top-k",
        "top=spec(optax.linear_schedule, 1.0, 0.5, 1000)",
        field("top"),
        "methods/test_gan_options.py::test_the_top_samples_alone_teach_the_generator",
        "StudioGAN",
    ),
    Option(
        "unrolled",
        "dynamics=(spec(unrolled, 5),)",
        dynamics.unrolled.__doc__,
        "test_dynamics.py::test_unrolled_differentiates_through_the_opponents_optimiser",
        NONE,
    ),
    Option(
        "PacGAN",
        "pack=2",
        field("pack"),
        "methods/test_gan_options.py::test_packs_lie_side_by_side_along_the_channels",
        NONE,
    ),
    Option(
        "latent step (LOGAN)",
        "latent_step=spec(latent_step, rate=0.9, damping=5.0)",
        options.latent_step.__doc__,
        "methods/test_gan_options.py::test_a_latent_step_is_the_damped_natural_gradient",
        "StudioGAN (returns after one step whatever the number asked for)",
    ),
    Option(
        "simultaneous",
        "dynamics=(spec(simultaneous),)",
        dynamics.simultaneous.__doc__,
        "test_dynamics.py::test_at_once_both_move_from_the_same_point_and_spiral_out",
        "",
    ),
    Option(
        "consensus optimisation",
        "dynamics=(spec(simultaneous), spec(consensus, 10.0))",
        dynamics.consensus.__doc__,
        "test_dynamics.py::test_consensus_descends_half_the_squared_norm_of_all_gradients",
        "",
    ),
    Option(
        "optimistic",
        'dynamics=(spec(simultaneous),), optim={"disc": spec(optax.optimistic_adam_v2, 1e-4, '
        'nesterov=False), "gen": spec(optax.optimistic_adam_v2, 1e-4, nesterov=False)}',
        optim.__doc__,
        "test_optim.py::test_optimistic_adam_without_nesterov_is_the_paper_s",
        "",
    ),
    Option(
        "extragradient",
        "dynamics=(spec(extragradient),)",
        dynamics.extragradient.__doc__,
        "test_dynamics.py::test_extragradient_spirals_in",
        "",
    ),
    Option(
        "balance: a player that is ahead waits",
        "dynamics=(spec(balanced, 0.5),)",
        dynamics.balanced.__doc__,
        "test_dynamics.py::test_a_player_that_is_ahead_holds_still",
        "",
    ),
    Option(
        "lazy regularisation",
        'penalties={"r1": dict(weight=10.0, every=16)}',
        terms.Term.__doc__,
        "methods/test_gan_options.py::test_a_lazy_penalty_is_worth_the_same_over_its_rounds",
        "StudioGAN, StyleGAN2-ADA, flaxmodels, mmgeneration",
    ),
    Option(
        "DiffAugment",
        'views=(spec(diff_augment, ("colour", "translation", "cutout")),)',
        augment.diffaugment.__doc__,
        "test_views.py::test_diff_augment_against_numpy",
        "StudioGAN, lightweight-gan",
    ),
    Option(
        "ADA",
        "views=(spec(adaptive, target=0.6),)",
        augment.ada.__doc__,
        "test_views.py::test_the_controller_by_hand",
        "StudioGAN, StyleGAN2-ADA, mmgeneration",
    ),
    Option(
        "ADA's pipe on a schedule",
        "views=(spec(augment_pipe, spec(optax.linear_schedule, 0.0, 0.55, 1000), cutout=1.0),)",
        augment.augment_pipe.__doc__,
        "test_views.py::test_the_pipe_against_scipy",
        "R3GAN",
    ),
    Option(
        "standing statistics",
        "standing=16",
        batch_norm.standing.__doc__,
        "test_standing.py::test_every_running_statistic_becomes_its_mean_over_the_batches",
        "StudioGAN, compare_gan",
    ),
)


def docstrings(module) -> dict[str, str]:
    """Of functions, and of the assignments a string follows."""
    found, body = {}, ast.parse(inspect.getsource(module)).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign) and isinstance(after, ast.Expr):
            found[node.targets[0].id] = inspect.cleandoc(after.value.value)
    for name, text in found.items():  # "`lecam` as the authors' code has it": its source counts
        if not CITATION.search(" ".join(text.split())):
            named = re.findall(r"`(\w+)`", text)
            found[name] = " ".join([text, *(found[other] for other in named if other in found)])
    return found


def sources(text: str) -> str:
    """The citations in a docstring, linked."""
    found = [
        f"[{m['who']}, arXiv:{m['id']}](https://arxiv.org/abs/{m['id']}){m['where']}"
        for m in CITATION.finditer(" ".join(text.split()))
    ]
    if not found:
        sys.exit(f"no source in {text!r}")
    return "; ".join(dict.fromkeys(found))


def arguments(fn: Callable, skip: int) -> str:
    """Names and defaults after the first `skip`."""
    own = list(inspect.signature(fn).parameters.values())[skip:]
    return ", ".join(f"`{p.name}={_default(p.default)}`" for p in own) or "none"


def _default(value) -> str:
    if value is penalties.FLIP_AND_TRANSLATE:
        return "FLIP_AND_TRANSLATE"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _error(got, wanted) -> float:
    """Largest difference, relative to the largest number."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def of_objective(name: str) -> tuple[float, float]:
    """(in value, in gradient) of both players, in every version that has an oracle."""
    values, slopes, step = [], [], 1e-6
    for case in (case for case in ORACLES if case.split(",")[0] == name):
        pair, memory = test_adversarial.logits(case, 12), ORACLES[case].memory
        for side in (0, 1):
            oracle, wanted = ORACLES[case][side], np.zeros_like(pair)
            for index in np.ndindex(pair.shape):
                nudge = np.zeros_like(pair)
                nudge[index] = step
                up, down = oracle(*pair + nudge, *memory), oracle(*pair - nudge, *memory)
                wanted[index] = (up - down) / 2 / step
            loss = test_adversarial.losses(case, side)
            value, got = jax.value_and_grad(lambda r, f, loss=loss: loss(r, f).mean(), (0, 1))(
                *map(jnp.float32, pair)
            )
            values.append(_error(value, oracle(*pair, *memory)))
            slopes.append(_error(got, wanted))
    return max(values), max(slopes)


def _along(oracle: Callable, theta: Theta, grads: Theta) -> float:
    """Error of a gradient along eight random directions in the space of all parameters."""
    rng, step, got, wanted = np.random.default_rng(11), 1e-6, [], []
    for _ in range(8):
        way = parameters(rng)
        up, down = (
            oracle(Theta(*(p + s * step * w for p, w in zip(theta, way, strict=True))))
            for s in (1, -1)
        )
        wanted.append((up - down) / 2 / step)
        got.append(sum((np.float64(g) * w).sum() for g, w in zip(grads, way, strict=True)))
    return _error(got, wanted)


def of_penalty(name: str) -> tuple[float, float]:
    """Likewise, on a quadratic critic, by default and with the arguments of the test."""
    rng = np.random.default_rng(0)
    batch = tuple(jnp.float32(0.7 * rng.normal(size=(B, *SHAPE))) for _ in range(2))
    theta, draw = parameters(np.random.default_rng(2)), test_penalties.drawn(batch)
    errors = []
    for given in (given for case, given in test_penalties.cases() if case == name):

        def mean(critic, given=given):
            quadratic = test_penalties.quadratic(critic)
            values = test_penalties.call(name, quadratic, batch, **given)
            return values.mean(), values

        def oracle(moved, given=given):
            return test_penalties.oracle(name, moved, draw, theta, **given)

        start = Theta(*map(jnp.float32, theta))
        (_, values), grads = jax.value_and_grad(mean, has_aux=True)(start)
        slope = _along(lambda moved, oracle=oracle: oracle(moved).mean(), theta, grads)
        errors.append((_error(values, oracle(theta)), slope))
    return tuple(map(max, zip(*errors, strict=True)))


def of_regulariser(name: str) -> tuple[float, float]:
    """Likewise, on a quadratic critic and a linear generator."""
    rng = np.random.default_rng(0)
    real, z = jnp.float32(0.7 * rng.normal(size=(B, *SHAPE))), jnp.float32(rng.normal(size=(B, Z)))
    theta, draw = parameters(np.random.default_rng(2)), test_regularisers.drawn((real, z))
    errors = []
    for given in (given for case, given in test_regularisers.CASES if case == name):

        def mean(networks, given=given):
            scene = test_regularisers.as_scene(networks, real, z)
            values = test_regularisers.call(name, scene, **given)
            return values.mean(), values

        def oracle(moved, given=given):
            return np.asarray(test_regularisers.oracle(name, moved, draw, theta, **given))

        start = test_regularisers.in_float32(theta)
        (_, values), grads = jax.value_and_grad(mean, has_aux=True)(start)
        slope = _along(lambda moved, oracle=oracle: oracle(moved).mean(), theta, grads)
        errors.append((_error(values, oracle(theta)), slope))
    return tuple(map(max, zip(*errors, strict=True)))


def bound(error: float) -> str:
    """The next of 1, 2, 5, 10, ... above: what another processor gives too."""
    power = 10.0 ** math.floor(math.log10(max(error, 1e-9)))
    digit = next(d for d in (1, 2, 5, 10) if d * power >= error)
    return f"{digit * power:.0e}"


def checked(line: str) -> str:
    """The line, after it was built beside small networks and a round of it was traced."""
    known: dict = {}
    exec(NAMES, known)
    fields = eval(f"dict({line})", known)
    method = {
        "generator": spec(Generator, spec(mlp.Up, tiny.SHAPE, (16,))),
        "discriminator": spec(Discriminator, spec(mlp.Down, (16,))),
        "latent": 4,
        "penalties": {},
        "regularisers": {},
        **{name: value for name, value in fields.items() if name in GAN.__dataclass_fields__},
    }
    whole = {name: value for name, value in fields.items() if name not in method}
    config = tiny.experiment(spec(GAN, **method), ("disc", "gen"))
    with config.unlocked(), config.ignore_type():
        for name, value in whole.items():
            assert name in Experiment.__dataclass_fields__, name
            config[name] = value
    e = build(config)
    moves = game.batches_per_round(e.method)
    batches = {
        "image": jnp.zeros((moves, ROWS, *tiny.SHAPE)),
        "cond": jnp.zeros((moves, ROWS), jnp.int32),
    }

    def played(key):
        first = jax.tree.map(lambda x: x[0], batches)
        state = game.init(e.method, e.optim, e.ema, key, first)
        return game.step(e.method, e.optim, e.ema, state, batches)

    jax.eval_shape(played, random.key(0))
    return line


def same(kind: str, found: Iterator[str], table: dict) -> None:
    """Exits where a module and its table differ."""
    if apart := set(found) ^ set(table):
        sys.exit(f"{kind}: {', '.join(sorted(apart))} not both in the code and in the table")


def item(name: str, entry: Entry, doc: str, own: str, errors: tuple[float, float]) -> list[str]:
    """One loss of the page."""
    value, slope = map(bound, errors)
    return [
        f"### {name}",
        "",
        "```text",
        *entry.formula,
        "```",
        "",
        f"* config: `{checked(entry.config)}`",
        f"* arguments: {own}",
        f"* source: {sources(doc)}",
        f"* largest relative error: {value} in value, {slope} in gradient",
        f"* also in: {entry.peers}",
        "",
    ]


def page() -> str:
    """All of it."""
    same("objectives", test_adversarial.public(), OBJECTIVES)
    same("penalties", test_penalties.NAMES, PENALTIES)
    same("regularisers", test_regularisers.NAMES, REGULARISERS)
    lines = [
        "<!-- Generated by `python tests/losses/document.py`: do not edit. -->",
        "",
        "# Losses, and what else a game may have",
        "",
        "Generated from the code by `python tests/losses/document.py`; do not edit. Every line of "
        "a config was built and traced when the page was made, with these names at hand:",
        "",
        "```python",
        *NAMES.splitlines(),
        "```",
        "",
        "`r` and `f` are the critic's logits on data x and samples G(z), higher for what is more "
        "like data; E is the mean over the global batch, σ the logistic function, and "
        "softplus(t) = log(1 + exp(t)) = -log σ(-t). Both players minimise. Losses are unreduced: "
        "the formulas are those of one example, and `losses.total` weighs and averages them.",
        "",
        "*Largest relative error*: of float32 against a float64 oracle written from the paper "
        "(tests/losses), the difference over the largest number, rounded up to 1, 2 or 5; "
        "gradients against central differences of the oracle, of an objective in all logits, of a "
        "penalty or a regulariser in the networks' parameters (so a penalty's is of second "
        "order).",
        "",
        "*Also in*: what a reading of StudioGAN, compare_gan, mimicry, TF-GAN, torchgan, R3GAN, "
        "StyleGAN2-ADA, flaxmodels, lightweight-gan, BigGAN-PyTorch and mmgeneration found there; "
        "nothing of theirs was run.",
        "",
        "## Objectives",
        "",
        "`objective=` is a name, or a spec where a factory's numbers are to be chosen. The f-GANs "
        'have `generator="saddle"` beside the practical generator.',
        "",
    ]
    docs = docstrings(adversarial)
    for name, entry in OBJECTIVES.items():
        found = getattr(adversarial, name)
        own = "none" if isinstance(found, adversarial.Objective) else arguments(found, 0)
        lines += item(name, entry, docs[name], own, of_objective(name))
    lines += [
        "## Penalties",
        "",
        "On the critic as a function of its input. Each is given as a weight, or as a dict of "
        "`weight`, `every` (lazily: in one round of so many, counting as many times there) and "
        "arguments. x̂ lies between data and samples.",
        "",
    ]
    docs = docstrings(penalties)
    for name, entry in PENALTIES.items():
        lines += item(name, entry, docs[name], _own(penalties, name, 4), of_penalty(name))
    lines += [
        "## Regularisers",
        "",
        "Of a player, by name, `disc` or `gen`, given as penalties are.",
        "",
    ]
    docs = docstrings(regularisers)
    for name, entry in REGULARISERS.items():
        lines += item(name, entry, docs[name], _own(regularisers, name, 1), of_regulariser(name))
    lines += [
        "## Options of the game",
        "",
        "Fields of `GAN`, or (`optim`, `ema`, `standing`) of `Experiment`.",
        "",
        "| option | config | source | test | also in |",
        "| --- | --- | --- | --- | --- |",
    ]
    for option in OPTIONS:
        file, _, test = option.test.partition("::")
        if not re.search(rf"^def {test}\(", (ROOT / TESTS / file).read_text(), re.MULTILINE):
            sys.exit(f"no test {option.test}")
        lines.append(
            f"| {option.name} | `{checked(option.config)}` | {sources(option.of)} "
            f"| `{file}::{test}` | {option.peers or 'not looked up'} |"
        )
    return "\n".join(lines) + "\n"


def _own(module, name: str, first: int) -> str:
    term = getattr(module, name)
    if isinstance(term, penalties.Carried):
        return arguments(term.fn, first + len(term.start))
    return arguments(term, first)


if __name__ == "__main__":
    text = page()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)

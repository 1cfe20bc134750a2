"""Each objective against its float64 oracle, against the divergence its best critic measures, and
under what it must not notice.
"""

import inspect
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.devices import on_devices
from losses.objective_oracles import F_GANS, ORACLES
from scipy.stats import wasserstein_distance

from genlab.config import ConfigError, build, choose, spec
from genlab.losses import adversarial
from genlab.losses.adversarial import Objective
from genlab.runtime import collectives

SIDES = pytest.mark.parametrize("side", [0, 1], ids=["critic", "generator"])
WHOLE = ["relativistic_average", "relativistic_average_least_squares", "relativistic_average_hinge"]
WHOLE += ["dual_contrastive", "softmax"]  # an example's loss depends on the rest of the batch
SHIFTS = {"relativistic", *WHOLE}  # see differences of logits alone, on both sides


def public():
    """Every name of the module that is an objective, or makes one."""
    for name, value in vars(adversarial).items():
        made_here = inspect.isfunction(value) and value.__module__ == adversarial.__name__
        if not name.startswith("_") and (isinstance(value, Objective) or made_here):
            yield name


def objective(case):
    found, oracle = getattr(adversarial, case.split(",")[0]), ORACLES[case]
    return found if oracle.arguments is None else found(**oracle.arguments)


@cache
def losses(case, side):
    """The loss of a player, compiled once for all that is asked of it."""
    loss, memory = objective(case)[side], ORACLES[case].memory
    return jax.jit(lambda real, fake: loss(real, fake, *memory))


def logits(case, *shape, scale=3.0, seed=0):
    """float64 (real, fake), on a grid that float32 represents exactly."""
    if ORACLES[case].columns:
        shape = (*shape, ORACLES[case].columns)
    draw = np.random.default_rng(seed).normal(0, scale, (2, *shape))
    return np.clip(np.round(draw * 64) / 64, -8, 8)


def test_every_objective_has_an_oracle_and_defaults():
    assert set(public()) == {case.split(",")[0] for case in ORACLES}
    for name in public():
        found = choose(adversarial, name)
        assert isinstance(found if isinstance(found, Objective) else found(), Objective)


EXTREMES = np.float32([(r, f) for r in (-1e4, 0, 1e4) for f in (-1e4, 0, 1e4)])
MIXED = np.concatenate([EXTREMES, np.float32([(-100, 100), (100, -100), (11, -11)])]).T  # [2, 12]
APART = np.float32([[1e4], [-1e4]]) * np.ones(12, np.float32)
ORDER = np.random.default_rng(1).permutation(12)


def asked(case):
    """Every pair of float32 logits that an objective is tried on, by name: (real, fake) [12]."""
    pair = np.float32(logits(case, 12))
    pairs = {"plain": pair, "permuted": pair[:, ORDER], "moved": pair + 2, "offset": pair + 8192}
    for name, extreme in (("mixed", MIXED), ("apart", APART), ("swapped", -APART)):
        columns = [extreme, -extreme] * (ORACLES[case].columns // 2)
        pairs[name] = np.stack(columns, -1) if columns else extreme
    return pairs


class Found(NamedTuple):
    """Losses [12] of a pair, and the slopes of their sum in (real, fake)."""

    values: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray]


@cache
def found(case):
    """What the losses of both players are on all pairs, and on the plain one as patches, by name
    and side: one program.
    """

    def measured(side, pair):
        def total(pair):
            values = losses(case, side)(*pair)
            return values.sum(), values

        slopes, values = jax.grad(total, has_aux=True)(pair)
        return Found(values, slopes)

    @jax.jit
    def everything(pairs, patches):
        alike = jax.lax.map(lambda pair: [measured(side, pair) for side in (0, 1)], pairs)
        return alike, [measured(side, patches) for side in (0, 1)]

    pairs = asked(case)
    stacked = tuple(np.stack(x) for x in zip(*pairs.values(), strict=True))
    patches = tuple(x.reshape(3, 2, 2, *x.shape[1:]) for x in pairs["plain"])
    alike, patched = jax.tree.map(np.asarray, everything(stacked, patches))
    by_name = {
        (name, side): jax.tree.map(lambda x, i=i: x[i], alike[side])
        for i, name in enumerate(pairs)
        for side in (0, 1)
    }
    return by_name | {("patches", side): patched[side] for side in (0, 1)}


@SIDES
@pytest.mark.parametrize("case", ORACLES)
def test_value_and_gradient_equal_the_oracle_on_logits_and_patches(case, side):
    pair, step = logits(case, 12), 1e-6
    oracle, memory = ORACLES[case][side], ORACLES[case].memory
    slopes = np.zeros_like(pair)
    for index in np.ndindex(pair.shape):
        nudge = np.zeros_like(pair)
        nudge[index] = step
        slopes[index] = (oracle(*pair + nudge, *memory) - oracle(*pair - nudge, *memory)) / 2 / step

    for name, shape in [("plain", (12,)), ("patches", (3, 2, 2))]:
        values, grads = found(case)[name, side]
        assert values.shape == shape
        np.testing.assert_allclose(values.mean(), oracle(*pair, *memory), rtol=1e-5, atol=1e-5)
        for grad, slope in zip(grads, slopes, strict=True):
            got = grad.reshape(slope.shape) / 12  # of the mean
            np.testing.assert_allclose(got, slope, rtol=1e-4, atol=1e-5)


@SIDES
@pytest.mark.parametrize("case", ORACLES)
def test_finite_for_extreme_logits_in_value_and_gradient(case, side):
    for name in ("mixed", "apart", "swapped"):
        leaves = jax.tree.leaves(found(case)[name, side])
        assert all(np.isfinite(leaf).all() for leaf in leaves)


@SIDES
@pytest.mark.parametrize("case", ORACLES)
def test_equivariant_under_permutation_of_pairs_and_the_same_on_patches(case, side):
    plain, permuted, patches = (
        found(case)[name, side].values for name in ("plain", "permuted", "patches")
    )
    np.testing.assert_allclose(permuted, plain[ORDER], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(patches.reshape(-1), plain, rtol=1e-6, atol=1e-6)


@SIDES
@pytest.mark.parametrize("case", ORACLES)
def test_a_constant_shift_is_seen_exactly_by_those_that_do_not_compare(case, side):
    plain, moved = (found(case)[name, side].values for name in ("plain", "moved"))
    if case in SHIFTS or (case, side) == ("wasserstein", 0):
        np.testing.assert_allclose(moved, plain, rtol=1e-5, atol=1e-5)
    else:
        assert abs(moved.mean() - plain.mean()) > 0.01


@SIDES
@pytest.mark.parametrize("case", sorted(SHIFTS))
def test_an_offset_that_all_logits_share_costs_no_digits(case, side):
    """8192 and the logits are exact in float32, so the loss is of the same differences."""
    plain, moved = (found(case)[name, side] for name in ("plain", "offset"))
    np.testing.assert_allclose(moved.values.mean(), plain.values.mean(), rtol=1e-5, atol=2e-7)
    for got, want in zip(moved.slopes, plain.slopes, strict=True):
        np.testing.assert_allclose(got / 12, want / 12, rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize("case", [case for case in ORACLES if objective(case).labels])
def test_the_critic_is_the_sum_of_both_labels_losses(case):
    real, fake = map(jnp.float32, logits(case, 12))
    data, sample = objective(case).labels
    both = jax.jit(lambda real, fake: data(real) + sample(fake))(real, fake)
    np.testing.assert_allclose(both, found(case)["plain", 0].values, rtol=1e-6, atol=1e-6)


def test_labels_exist_where_a_logit_is_classified():
    labelled = {case for case in ORACLES if objective(case).labels}
    assert labelled == {
        *("minimax", "nonsaturating", "least_squares", "auxiliary", "auxiliary, minimax"),
        "conditional",
    }


def test_known_points():
    zero, one = np.zeros(12, np.float32), np.ones(12, np.float32)
    at_zero = {
        "nonsaturating": (2 * np.log(2), np.log(2)),
        "minimax": (2 * np.log(2), -2 * np.log(2)),
        "relativistic": (np.log(2), np.log(2)),
        "relativistic_average": (2 * np.log(2), 2 * np.log(2)),
        "relativistic_average_least_squares": (2, 2),
        "relativistic_average_hinge": (2, 2),
        "dual_contrastive": (2 * np.log(13), -2 * np.log(13)),
        "softmax": (np.log(24), np.log(24)),
        "f_jensen_shannon": (0, 0),
    }
    at = jax.jit(lambda z: {n: [losses(n, side)(z, z).mean() for side in (0, 1)] for n in at_zero})
    for name, got in at(zero).items():
        np.testing.assert_allclose(got, at_zero[name], rtol=1e-6)
    hinge, squares = adversarial.hinge.critic, adversarial.least_squares.critic
    for none in jax.jit(lambda: (hinge(one, -one), squares(one, zero)))():
        assert not np.asarray(none).any()


def test_a_perfect_critic_leaves_softmax_the_entropy_of_its_target_and_the_contrasts_nothing():
    real, fake = np.full(12, 50, np.float32), np.full(12, -50, np.float32)
    softmax, *contrasts = (losses(n, 0) for n in ("softmax", "dual_contrastive", "relativistic"))
    np.testing.assert_allclose(softmax(real, fake), np.log(12), rtol=1e-6)
    for loss in contrasts:
        np.testing.assert_allclose(loss(real, fake), 0, atol=1e-6)


# --- What the best critic measures between two distributions over a few points.

P = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
Q = np.array([0.1, 0.25, 0.3, 0.05, 0.3])
TOTAL_VARIATION = np.abs(P - Q).sum() / 2
MIDDLE = (P + Q) / 2
JENSEN_SHANNON = (P * np.log(P / MIDDLE) + Q * np.log(Q / MIDDLE)).sum() / 2
LOG_RATIO = np.log(P / Q)


def expected(loss, v):
    """E over x ~ P and G(z) ~ Q of a pairwise loss, the critic's logit being v at each point."""
    n = len(v)
    real, fake = np.repeat(v, n), np.tile(v, n)
    return (loss(real, fake) * np.outer(P, Q).reshape(-1)).sum()


BEST = {  # name: (the optimal critic's logit at each point, the value of its loss there)
    "minimax": (LOG_RATIO, np.log(4) - 2 * JENSEN_SHANNON),
    "nonsaturating": (LOG_RATIO, np.log(4) - 2 * JENSEN_SHANNON),
    # Pearson's chi-square between P + Q and 2 Q, as in Mao et al.
    "least_squares": (P / (P + Q), 1 / 4 - ((P + Q - 2 * Q) ** 2 / (P + Q)).sum() / 8),
    "hinge": (np.sign(P - Q), 2 * (1 - TOTAL_VARIATION)),
    # Zhao et al.: no energy where data prevail, the margin elsewhere
    "energy": (np.where(P > Q, 0, -2.5), 2.5 * (1 - TOTAL_VARIATION)),
    "f_kl": (1 + LOG_RATIO, -(P * np.log(P / Q)).sum()),
    "f_reverse_kl": (LOG_RATIO, -(Q * np.log(Q / P)).sum()),
    "f_pearson": (2 * (P / Q - 1), -((P - Q) ** 2 / Q).sum()),
    "f_squared_hellinger": (LOG_RATIO / 2, -((np.sqrt(P) - np.sqrt(Q)) ** 2).sum()),
    "f_jensen_shannon": (LOG_RATIO, -2 * JENSEN_SHANNON),
}


@pytest.mark.parametrize("name", BEST)
def test_the_best_critic_measures_the_divergence_and_no_critic_does_better(name):
    v, value = BEST[name]
    loss = losses(name, 0)
    np.testing.assert_allclose(expected(loss, np.float32(v)), value, rtol=1e-5)
    for nudge in np.random.default_rng(0).normal(0, 0.3, (4, len(v))):
        other = np.minimum(v + nudge, 0) if name == "energy" else v + nudge  # energies are >= 0
        assert expected(loss, np.float32(other)) > value + 1e-4


@pytest.mark.parametrize("name", F_GANS)
def test_the_best_logit_of_an_f_gan_is_the_derivative_of_f(name):
    """T* = g_f(V*) = f'(p / q), Section 2.2, f read off the divergence's definition."""
    f = {
        "f_kl": lambda u: u * np.log(u),
        "f_reverse_kl": lambda u: -np.log(u),
        "f_pearson": lambda u: (u - 1) ** 2,
        "f_squared_hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
        "f_jensen_shannon": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
    }[name]
    v, value = BEST[name]
    ratio, step = P / Q, 1e-6
    slope = (f(ratio + step) - f(ratio - step)) / (2 * step)
    np.testing.assert_allclose(F_GANS[name][0](v), slope, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose((Q * f(ratio)).sum(), -value, rtol=1e-9)


def test_the_best_lipschitz_critic_measures_the_earth_movers_distance():
    places = np.array([0.0, 0.7, 1.0, 2.5, 3.0])
    steeper = np.sign((Q - P).cumsum()[:-1])  # mass that P has to the right pulls the critic up
    v = np.concatenate([[0], (steeper * np.diff(places)).cumsum()])
    got = expected(adversarial.wasserstein.critic, np.float32(v))
    np.testing.assert_allclose(got, -wasserstein_distance(places, places, P, Q), rtol=1e-6)


ZERO_SUM = ["minimax", "wasserstein", "dual_contrastive", *(f"{name}, saddle" for name in F_GANS)]


@pytest.mark.parametrize("case", ORACLES)
def test_a_saddles_generator_pulls_against_the_critic_at_every_sample_and_the_others_do_not(case):
    critic, generator = (found(case)["plain", side].slopes[1] for side in (0, 1))
    if case in ZERO_SUM:
        np.testing.assert_allclose(critic, -generator, rtol=1e-5, atol=1e-6)
    else:
        assert np.abs(critic + generator).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "side", "at"),
    [
        ("f_kl", "fake", 11.0),
        ("f_reverse_kl", "real", -10.0),
        ("f_squared_hellinger", "real", -10.0),
        ("f_squared_hellinger", "fake", 10.0),
    ],
)
def test_an_exponential_goes_on_as_its_tangent(name, side, at):
    def loss(v):
        pair = {"real": jnp.zeros(()), "fake": jnp.zeros(()), side: v}
        return losses(name, 0)(pair["real"], pair["fake"])

    slope, slope_of = np.sign(at) * np.exp(10), jax.jit(jax.grad(loss))
    for beyond in (0.0, 1.0, 30.0, 1000.0):
        v = jnp.float32(at + np.sign(at) * beyond)
        np.testing.assert_allclose(slope_of(v), slope, rtol=1e-5)
        np.testing.assert_allclose(
            loss(v) - loss(jnp.float32(at)), beyond * np.exp(10), rtol=1e-5, atol=1e-2
        )
    within = slope_of(jnp.float32(at - np.sign(at)))
    np.testing.assert_allclose(within, slope / np.e, rtol=1e-5)


def test_equilibrium_control_holds_the_ratio_of_errors_at_gamma():
    """k climbs while samples are reconstructed better than gamma x data, falls while worse, and
    stays within [0, 1].
    """
    game = adversarial.boundary_equilibrium(gamma=0.5, rate=0.1)
    full, remember = partial(np.full, (2, 3), dtype=np.float32), jax.jit(game.remember)
    data = -full(2.0)
    (k,) = remember(data, -full(0.4), 0.3)
    np.testing.assert_allclose(k, 0.3 + 0.1 * (0.5 * 2 - 0.4), rtol=1e-6)
    (k,) = remember(data, -full(1.0), k)
    np.testing.assert_allclose(k, 0.36, rtol=1e-6)
    assert remember(data, 100 * data, k) == (0,)
    assert remember(100 * data, data, k) == (1,)
    (k,), error = game.start, 1.0
    for _ in range(300):  # a generator that gives way to the critic as k grows
        error += 0.1 * (2 * k - error)
        (k,) = remember(data, -full(error), k)
    np.testing.assert_allclose([k, error], [0.5, 0.5 * 2], rtol=1e-3)


def test_objectives_without_memory_start_and_stay_empty():
    for case in ORACLES:
        game = objective(case)
        assert len(game.start) == len(ORACLES[case].memory)
        memory = jax.eval_shape(game.remember, *map(np.float32, logits(case, 4)), *game.start)
        assert len(memory) == len(game.start)


def test_multi_hinge_is_crammer_and_singers_over_the_classes_and_generated():
    scores, label = np.random.default_rng(0).normal(0, 1, (2, 8, 5)), np.arange(8) % 4

    def margins(scores):
        asked = [s[y] - max(np.delete(s, y)) for s, y in zip(scores, label, strict=True)]
        return np.float32(np.stack([asked, [s[4] - max(s[:4]) for s in scores]], -1))

    def crammer_singer(scores, label):
        rows = zip(scores, label, strict=True)
        return [max(0, max(1 + s[j] - s[y] for j in range(5) if j != y)) for s, y in rows]

    real, fake = map(margins, scores)
    multi_hinge = [losses("multi_hinge", side)(real, fake) for side in (0, 1)]
    critic = np.add(crammer_singer(scores[0], label), crammer_singer(scores[1], [4] * 8))
    np.testing.assert_allclose(multi_hinge[0], critic, rtol=1e-5)
    generator = crammer_singer(scores[1], label)
    np.testing.assert_allclose(multi_hinge[1], generator, rtol=1e-5)


def test_batch_statistics_are_the_global_batchs_on_every_device():
    """Two devices' averaged values and gradients, and the memory on each, are the whole batch's."""
    real, fake = map(jnp.float32, logits("softmax", 12))
    game = objective("boundary_equilibrium")

    def weighed(scale, real, fake):
        sides = [(name, side) for name in WHOLE for side in (0, 1)]
        values = jnp.stack([losses(*which)(scale * real, scale * fake).mean() for which in sides])
        return (values * jnp.arange(1.0, 11)).sum(), values

    def measure(real, fake):
        scale = collectives.varying(jnp.float32(0.7))
        values = jax.value_and_grad(weighed, has_aux=True)(scale, real, fake)
        return values, game.remember(real, fake, 0.3)

    def averaged(real, fake):
        values, memory = measure(real, fake)
        return collectives.mean(values), memory

    split = [x.reshape(2, 6) for x in (real, fake)]
    parts = on_devices(averaged)(*split)
    whole = jax.jit(measure)(real, fake)
    for got, want in zip(jax.tree.leaves(parts), jax.tree.leaves(whole), strict=True):
        for on_device in np.asarray(got):
            np.testing.assert_allclose(on_device, want, rtol=1e-5, atol=1e-6)


def test_a_factory_is_a_config():
    real, fake = map(jnp.float32, logits("energy", 4))
    near = build(spec(adversarial.energy, margin=1.0))
    np.testing.assert_allclose(
        near.critic(real, fake), -real + np.maximum(0, 1 + fake), rtol=1e-6, atol=1e-6
    )
    both = jnp.stack([real, fake], -1)
    nested = build(spec(adversarial.auxiliary, base=spec(adversarial.energy, margin=1.0)))
    plain = adversarial.auxiliary(near)
    np.testing.assert_array_equal(nested.critic(both, both), plain.critic(both, both))


def test_a_generator_or_base_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="'saddel'; it is 'practical'"):
        adversarial.f_kl(generator="saddel")
    with pytest.raises(ConfigError, match="minimax"):
        adversarial.auxiliary(base="minimx")
    with pytest.raises(ConfigError, match="the base plays on one logit, and this one takes 2"):
        adversarial.conditional(base="multi_hinge")

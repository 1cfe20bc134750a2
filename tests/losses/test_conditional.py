"""The heads of a conditional critic under the objective that plays them, against float64 oracles,
and under what they must not notice.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.devices import on_devices
from jax import random
from losses.conditional_oracles import ORACLES, cross_entropy
from losses.objective_oracles import PLAIN
from scipy.stats import norm

from genlab.config import ConfigError, build, spec
from genlab.losses import adversarial
from genlab.nets import heads, mlp
from genlab.nets.conditions import GIVEN
from genlab.nets.heads import contrast
from genlab.runtime import collectives

N, D, K = 6, 3, 3
SIDES = pytest.mark.parametrize("side", [0, 1], ids=["critic", "generator"])
LABELS = np.array([0, 1, 2, 2, 1, 0])


def column(case):
    return "numbers" if case.startswith("Regression") else "label"


def given(case, **more):
    """The column's values: two numbers, or labels one-hot."""
    numbers = np.random.default_rng(5).normal(0, 1, (N, 2))
    values = {"numbers": numbers, "label": np.eye(K)[LABELS]}[column(case)]
    return {column(case): np.float32(values), **more}


def critic(case, weight=0.7):
    """A critic of which the trunk gives the example's own numbers as features."""
    head = getattr(heads, case.split(",")[0])
    own = head(column(case), weight=weight, **ORACLES[case].arguments)
    return heads.ConditionalDiscriminator(mlp.Down(()), heads=(own,))


def begun(net, cond):
    """Parameters drawn by NumPy, on a grid that float32 represents exactly."""
    rng = np.random.default_rng(3)
    shapes = jax.eval_shape(net.init, random.key(0), jnp.zeros((N, D)), cond)["params"]
    drawn = lambda a: np.round(rng.normal(0, 0.5, a.shape) * 64) / 64  # noqa: E731
    return jax.tree.map(drawn, shapes)


def drawn(seed=0):
    return np.round(np.random.default_rng(seed).normal(0, 1, (2, N, D)) * 64) / 64


def total(case, side, pair, params):
    """The whole loss of a player, of the source and the head, by the oracle."""
    logits = [x @ params["logit"]["kernel"][:, 0] + params["logit"]["bias"][0] for x in pair]
    value = np.asarray(given(case)[column(case)], np.float64)
    return PLAIN["hinge"][side](*logits) + 0.5 * 0.7 * ORACLES[case][side](
        *pair, value, params["heads_0"]
    )


@cache
def found(case):
    """(params, [(loss, its slopes in the features) of each side]), of one program."""
    net, cond = critic(case), given(case)
    params, game = begun(net, cond), adversarial.conditional("hinge", weight=0.5)
    held = {"params": jax.tree.map(np.float32, params)}

    def losses(real, fake):
        scores = [net.apply(held, x, cond) for x in (real, fake)]
        return [game[side](*scores).mean() for side in (0, 1)]

    @jax.jit
    def both(*pair):
        values, back = jax.vjp(losses, *pair)
        return [
            (v, back([jnp.float32(k == side) for k in (0, 1)])) for side, v in enumerate(values)
        ]

    return params, jax.device_get(both(*np.float32(drawn())))


@SIDES
@pytest.mark.parametrize("case", ORACLES)
def test_value_and_gradient_in_the_features_equal_the_oracle(case, side):
    pair, step = drawn(), 1e-6
    params, sides = found(case)
    value, grads = sides[side]
    np.testing.assert_allclose(value, total(case, side, pair, params), rtol=1e-5, atol=1e-5)
    for one in (0, 1):
        for index in np.ndindex(N, D):
            nudge = np.zeros_like(pair)
            nudge[(one, *index)] = step
            up, down = (total(case, side, pair + s * nudge, params) for s in (1, -1))
            np.testing.assert_allclose(
                grads[one][index], (up - down) / 2 / step, rtol=1e-4, atol=2e-5
            )


def test_every_head_has_an_oracle():
    assert {case.split(",")[0] for case in ORACLES} == {
        name for name in heads.__all__ if hasattr(getattr(heads, name), "labels")
    }


# --- Identities.


def compared(fn, f, v, labels, **changes):
    known = changes.pop("known", np.ones(len(f), bool))
    return np.asarray(
        jax.jit(lambda f, v: fn(f, v, jnp.asarray(labels), jnp.asarray(known), **changes))(f, v)
    )


@pytest.fixture(scope="module")
def embedded():
    """(features, proxies), [N, 4]."""
    return [np.float32(np.random.default_rng(seed).normal(0, 1, (N, 4))) for seed in (1, 2)]


def test_without_margins_and_with_every_class_apart_d2d_ce_is_the_cross_entropy(embedded):
    f, v = embedded
    got = compared(contrast.data_to_data, f, v, np.arange(N), positive=1.0, negative=-1.0)
    unit = lambda x: np.asarray(x, np.float64) / np.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
    similar = unit(f) @ unit(f).T
    for i in range(N):
        own = (unit(f)[i] @ unit(v)[i] - 1) / 0.5
        logits = [own, *((np.delete(similar[i], i) + 1) / 0.5)]
        np.testing.assert_allclose(got[i], -cross_entropy(logits, 0), rtol=1e-4)


def test_d2d_ce_leaves_what_is_near_enough_and_far_enough_as_it_is(embedded):
    f, v = embedded
    wide = {"positive": -1.0, "negative": 1.0}
    slope = jax.jit(
        jax.grad(
            lambda f: contrast.data_to_data(
                f, v, jnp.asarray(LABELS), jnp.ones(N, bool), **wide
            ).sum()
        )
    )
    np.testing.assert_array_equal(slope(f), 0)
    others = (LABELS[:, None] != LABELS[None]).sum(1)
    got = compared(contrast.data_to_data, f, v, LABELS, **wide)
    np.testing.assert_allclose(got, -np.log(1 + others), rtol=1e-6)


def test_of_one_class_alone_2c_and_d2d_ce_have_nothing_to_say(embedded):
    for fn in (contrast.class_contrast, contrast.data_to_data):
        np.testing.assert_allclose(compared(fn, *embedded, np.zeros(N, int)), 0, atol=1e-6)


@pytest.mark.parametrize("fn", [contrast.class_contrast, contrast.data_to_data])
def test_contrasts_see_directions_and_which_classes_are_equal_and_nothing_else(fn, embedded):
    """Invariant to lengths, to a rotation of all features, to names of the classes; permuted with
    the batch.
    """
    f, v = embedded
    plain, order = compared(fn, f, v, LABELS), np.array([3, 0, 5, 1, 4, 2])
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0].astype(np.float32)
    near = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(compared(fn, 3 * f, 0.2 * v, LABELS), plain, **near)
    np.testing.assert_allclose(compared(fn, f @ turn, v @ turn, LABELS), plain, **near)
    np.testing.assert_allclose(compared(fn, f, v, np.array([7, 0, 4])[LABELS]), plain, **near)
    np.testing.assert_allclose(
        compared(fn, f[order], v[order], LABELS[order]), plain[order], **near
    )


@pytest.mark.parametrize("fn", [contrast.class_contrast, contrast.data_to_data])
def test_a_row_without_a_label_is_compared_with_none(fn, embedded):
    f, v = embedded
    known = np.array([True] * 4 + [False] * 2)
    got = compared(fn, f, v, LABELS, known=known)[:4]
    np.testing.assert_allclose(got, compared(fn, f[:4], v[:4], LABELS[:4]), rtol=1e-5)


def test_the_regression_is_the_gaussian_likelihood_and_its_error_the_squared_one():
    net, cond = critic("Regression", weight=1.0), given("Regression")
    params, x = begun(net, cond), drawn()[0]
    held = {"params": jax.tree.map(np.float32, params)}
    scores = np.asarray(jax.jit(net.apply)(held, np.float32(x), cond))
    mean = x @ params["heads_0"]["mean"]["kernel"] + params["heads_0"]["mean"]["bias"]
    want = norm.logpdf(cond["numbers"], mean, 1.0).sum(1)
    for score in scores[:, 1:].T:
        np.testing.assert_allclose(score, want, rtol=1e-5)
    half = np.square(cond["numbers"] - mean).sum(1) / 2
    np.testing.assert_allclose(want + half, -np.log(2 * np.pi), rtol=1e-4)


def test_a_discriminative_classifier_that_ignores_the_source_leaves_the_generator_nothing():
    """With both halves alike log p(k, data) = log p(k, sample) = log p(k) - log 2."""
    case = "DiscriminativeClassifier"
    net, cond, x = critic(case, weight=1.0), given(case), np.float32(drawn()[0])
    params = jax.tree.map(np.float32, begun(net, cond))
    kernel, bias = params["heads_0"]["label"]["kernel"], params["heads_0"]["label"]["bias"]
    alike = {"kernel": np.tile(kernel[:, :K], 2), "bias": np.tile(bias[:K], 2)}
    held = {"params": {**params, "heads_0": {"label": alike}}}
    scores = np.asarray(jax.jit(net.apply)(held, x, cond))
    np.testing.assert_allclose(scores[:, 3], 0, atol=1e-6)
    plain = [
        cross_entropy(row, y)
        for row, y in zip(x @ alike["kernel"][:, :K] + alike["bias"][None, :K], LABELS, strict=True)
    ]
    np.testing.assert_allclose(scores[:, 1], -np.array(plain) - np.log(2), rtol=1e-4)


# --- The critic that combines them.


def combined(**changes):
    parts = {
        "heads": (
            spec(heads.Classifier, "category", weight=2.0),
            spec(heads.Regression, "hue", weight=0.5),
            spec(heads.Classifier, "code0", on=("samples",)),
        ),
        "project": ("category",),
        "concatenate": ("hue",),
        **changes,
    }
    return build(spec(heads.ConditionalDiscriminator, spec(mlp.Down, ()), **parts))


def several(mark=None):
    rng = np.random.default_rng(4)
    cond = {
        "category": np.eye(K, dtype=np.float32)[LABELS],
        "hue": np.float32(rng.normal(size=(N, 2))),
        "code0": np.eye(2, dtype=np.float32)[LABELS % 2],
    }
    if mark is None:
        return cond
    mark = np.float32(mark)[:, None]
    return {n: x if n == "code0" else x * mark for n, x in cond.items()} | {GIVEN: mark}


def test_heads_projection_and_concatenation_combine_each_column_with_its_weight():
    net, cond = combined(), several()
    params, x = begun(net, cond), drawn()[0]
    scores = np.asarray(
        jax.jit(net.apply)({"params": jax.tree.map(np.float32, params)}, jnp.float32(x), cond)
    )
    hue = np.asarray(cond["hue"], np.float64)
    features = np.concatenate([x, hue @ params["label"]["embedding"]], axis=1)
    logit = features @ params["logit"]["kernel"] + params["logit"]["bias"]
    logit = logit[:, 0] + (params["project"]["embedding"][LABELS] * features).sum(1)
    np.testing.assert_allclose(scores[:, 0], logit, rtol=1e-4, atol=1e-5)
    linear = lambda p: features @ p["kernel"] + p["bias"]  # noqa: E731
    category = [
        -cross_entropy(r, y)
        for r, y in zip(linear(params["heads_0"]["label"]), LABELS, strict=True)
    ]
    code = [
        -cross_entropy(r, y % 2)
        for r, y in zip(linear(params["heads_2"]["label"]), LABELS, strict=True)
    ]
    number = norm.logpdf(hue, linear(params["heads_1"]["mean"])).sum(1)
    both = 2 * np.array(category) + 0.5 * number
    np.testing.assert_allclose(scores[:, 1], both, rtol=1e-4)
    np.testing.assert_allclose(scores[:, 2:], np.tile((both + code)[:, None], 2), rtol=1e-4)


def test_heads_are_silent_where_conditions_are_dropped_but_for_the_codes():
    net, mark = combined(), np.array([1, 0, 1, 0, 0, 1])
    params = jax.tree.map(np.float32, begun(net, several(mark)))
    scores = np.asarray(
        jax.jit(net.apply)({"params": params}, np.float32(drawn()[0]), several(mark))
    )
    assert (scores[mark == 0, 1] == 0).all() and (scores[mark == 1, 1] != 0).all()
    assert (scores[:, 2] != 0).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"project": ("categry",)}, "has a part for 'categry', and is given category, code0, hue"),
        ({"heads": (spec(heads.Classifier, "texture"),)}, "has a part for 'texture'"),
        ({"heads": (spec(heads.Classifier, "category", on=("date",)),)}, "on=.*name the examples"),
        ({"heads": (spec(heads.Classifier, "category", on="data"),)}, "on='data'.*as on="),
    ],
)
def test_a_part_that_does_not_fit_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        jax.eval_shape(combined(**changes).init, random.key(0), jnp.zeros((N, D)), several())


def test_contrasts_are_the_global_batchs_on_every_device(embedded):
    f, v = embedded
    known, scale = jnp.ones(N, bool), jnp.float32(0.7)

    def values(scale, f, v, label, known):
        found = [
            fn(f + scale * v, v, label, known)
            for fn in (contrast.class_contrast, contrast.data_to_data)
        ]
        return jnp.stack([one.mean() for one in found]) @ jnp.array([1.0, 2.0]), found

    whole = jax.value_and_grad(values, has_aux=True)

    def each(scale, *rows):
        slope, found = collectives.grad(lambda scale: values(scale, *rows), scale, has_aux=True)
        return found, collectives.mean(slope)

    (_, want), slope = jax.jit(whole)(scale, f, v, jnp.asarray(LABELS), known)
    rows = [x.reshape(2, N // 2, *x.shape[1:]) for x in (f, v, jnp.asarray(LABELS), known)]
    found, slopes = on_devices(each, in_axes=(None, 0, 0, 0, 0))(scale, *rows)
    for got, one in zip(found, want, strict=True):
        np.testing.assert_allclose(np.ravel(got), one, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slopes, [slope, slope], rtol=1e-4, atol=1e-6)

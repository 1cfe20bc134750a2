"""The conditioning matrix as methods play it: every part traced for a whole round with a label and
numbers given, codes of the latent, dropout of conditions and guidance.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import game
from genlab.config import ConfigError, build, spec
from genlab.data.columns import Label, Numbers
from genlab.game import dropout
from genlab.game.abilities import Guides, HasCodes, can, require
from genlab.losses import adversarial, likelihood
from genlab.methods import GAN, VAE, TwoStageVAE
from genlab.methods.gan.codes import Codes
from genlab.methods.gan.options import condition_dropout, latent_step, packed, pooled
from genlab.nets import (
    Decoder,
    Discriminator,
    Encoder,
    Generator,
    biggan,
    dcgan,
    heads,
    mlp,
    spectral,
    style,
)
from genlab.nets.conditions import GIVEN
from genlab.sampling.request import SampleRequest, latents
from genlab.sampling.sampler import guided

B = 4
BOTH = ("category", "hue")
COLUMNS = {"category": Label(("a", "b", "c")), "hue": Numbers(("cos", "sin"), (0, 0), (1, 1))}
UPS = {
    "concatenation": spec(Generator, spec(mlp.Up, tiny.SHAPE, (8,))),
    "conditional BatchNorm": spec(
        Generator, spec(dcgan.Up, tiny.SHAPE, width=2, norm="ConditionalBatchNorm"), embed=0
    ),
    "AdaIN of conditions and latent": spec(
        Generator, spec(dcgan.Up, tiny.SHAPE, width=2, norm="AdaptiveInstanceNorm"), 0,
        modulated=True,
    ),
    "hierarchical": spec(Generator, spec(biggan.Up, tiny.SHAPE, width=2, shared=4), embed=0),
    "styles": spec(Generator, spec(style.Up, tiny.SHAPE, width=2, style=6, depth=2), embed=0),
}  # fmt: skip
DOWN = spec(mlp.Down, (8,))
CRITICS = {
    "concatenation": spec(Discriminator, DOWN),
    "projection": spec(heads.ProjectionDiscriminator, DOWN),
    "multi-hinge": spec(heads.MarginDiscriminator, DOWN, label="category"),
    "AC-GAN": spec(heads.AuxiliaryDiscriminator, DOWN, label="category"),
    **{
        name: spec(heads.ConditionalDiscriminator, DOWN, heads=(spec(head, "category"),))
        for name, head in (
            ("TAC", heads.TwinClassifier),
            ("ADC", heads.DiscriminativeClassifier),
            ("2C", heads.ClassContrast),
            ("D2D-CE", heads.DataToData),
        )
    },
    "several": spec(
        heads.ConditionalDiscriminator,
        DOWN,
        heads=(spec(heads.Classifier, "category"), spec(heads.Regression, "hue", weight=0.5)),
        project=BOTH,
        concatenate=("hue",),
    ),
}
OBJECTIVES = {
    "concatenation": "hinge",
    "projection": "hinge",
    "multi-hinge": "multi_hinge",
    "AC-GAN": spec(adversarial.auxiliary, "hinge"),
}


def gan(up="concatenation", critic="concatenation", **fields):
    objective = OBJECTIVES.get(critic, spec(adversarial.conditional, "hinge"))
    given = {"latent": 6, "objective": objective, "given": BOTH, **fields}
    return spec(GAN, UPS[up], CRITICS[critic], **given)


def vae(chosen=likelihood.bernoulli, given=BOTH, **fields):
    made = build(spec(chosen))
    shape = (*tiny.SHAPE[:2], made.width(tiny.SHAPE[2]))
    encoder = spec(Encoder, spec(mlp.Down, (8,)), latent=3)
    decoder = spec(Decoder, spec(mlp.Up, shape, (8,)))
    return spec(VAE, encoder, decoder, spec(chosen), given=given, **fields)


def batch(rows=B):
    labels = np.eye(3, dtype=np.float32)[np.arange(rows) % 3]
    hue = np.float32(np.random.default_rng(0).normal(size=(rows, 2)))
    image = np.float32(np.random.default_rng(1).uniform(-1, 1, (rows, *tiny.SHAPE)))
    return {"image": image, "category": labels, "hue": hue}


def cond(rows=B):
    return {name: batch(rows)[name] for name in BOTH}


def traced(method, players):
    """A round, for its shapes."""
    e = build(tiny.experiment(method, players))
    many = game.batches_per_round(e.method)
    batches = jax.tree.map(lambda x: np.stack([x] * many), batch())
    first = lambda key: game.init(e.method, e.optim, e.ema, key, batch())  # noqa: E731
    state = jax.eval_shape(first, random.key(0))
    after = jax.eval_shape(
        lambda state, batches: game.step(e.method, e.optim, e.ema, state, batches), state, batches
    )[0]
    same = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree.params)  # noqa: E731
    assert same(after) == same(state)


def begun(method, rows=B):
    """(params, stats) as `method.init` shapes them, drawn by NumPy, which compiles nothing."""
    rng, shapes = np.random.default_rng(2), jax.eval_shape(method.init, random.key(0), batch(rows))
    return jax.tree.map(lambda a: np.asarray(rng.normal(0, 0.3, a.shape), a.dtype), shapes)


HEADS = ("TAC", "ADC", "2C", "D2D-CE")  # of which tests/losses has every loss
PAIRS = [
    ("concatenation", "several"),
    *((up, "concatenation") for up in UPS if up != "concatenation"),
    *(("concatenation", c) for c in CRITICS if c not in ("several", *HEADS)),
    *(pytest.param("concatenation", c, marks=pytest.mark.slow) for c in HEADS),
    *(pytest.param(up, "several", marks=pytest.mark.slow) for up in UPS if up != "concatenation"),
]


@pytest.mark.parametrize(("up", "critic"), PAIRS)
def test_every_conditioning_plays_a_round_given_a_label_and_numbers(up, critic):
    """With dropout of conditions where it may be: see below for the other."""
    options = () if critic == "multi-hinge" else (spec(condition_dropout, 0.1),)
    traced(gan(up, critic, options=options), ("disc", "gen"))


@pytest.mark.parametrize(
    "chosen",
    [
        likelihood.bernoulli,
        likelihood.learned_gaussian,
        likelihood.logistic_mixture,
        *(
            pytest.param(chosen, marks=pytest.mark.slow)  # tests/losses has their widths
            for chosen in (
                likelihood.continuous_bernoulli,
                likelihood.gaussian,
                likelihood.optimal_gaussian,
                likelihood.laplace,
                likelihood.learned_laplace,
                likelihood.discretised_logistic,
                likelihood.categorical,
            )
        ),
    ],
)
def test_a_conditional_vae_plays_a_round_under_every_likelihood(chosen):
    traced(vae(chosen, condition_dropout=0.1), ("vae",))


# --- Codes.

INFO = Codes(3, discrete=(4, 2), continuous=2)
SEEN = ("samples",)
OF_CODES = tuple(
    spec(heads.Classifier if k < 2 else heads.Regression, f"code{k}", on=SEEN) for k in range(4)
)


def infogan(given=(), **fields):
    own = (spec(heads.Classifier, "category"),) if given else ()
    critic = spec(heads.ConditionalDiscriminator, DOWN, heads=(*own, *OF_CODES))
    parts = {"objective": spec(adversarial.conditional, "hinge"), "given": given, **fields}
    return spec(GAN, UPS["concatenation"], critic, latent=INFO_SPEC, **parts)


INFO_SPEC = spec(Codes, 3, discrete=(4, 2), continuous=2)


def test_a_latent_is_noise_one_hot_codes_and_uniform_ones_by_name():
    assert INFO.size == 3 + 4 + 2 + 2
    z = np.asarray(jax.jit(INFO.sample, static_argnums=1)(random.key(0), 4000))
    codes = INFO.of(z)
    assert [c.discrete for c in INFO.codes.values()] == [True, True, False, False]
    assert {n: x.shape[1] for n, x in codes.items()} == dict(code0=4, code1=2, code2=1, code3=1)
    for name, k in (("code0", 4), ("code1", 2)):
        assert set(np.unique(codes[name])) == {0, 1} and (codes[name].sum(1) == 1).all()
        np.testing.assert_allclose(codes[name].mean(0), 1 / k, atol=0.03)
    rest = np.concatenate([codes["code2"], codes["code3"]], axis=1)
    assert np.abs(rest).max() <= 1
    np.testing.assert_allclose([rest.mean(), rest.var()], [0, 1 / 3], atol=0.02)
    np.testing.assert_allclose([z[:, :3].mean(), z[:, :3].var()], [0, 1], atol=0.05)
    alike = np.abs(np.corrcoef(z.T))
    assert max(alike[:3, 3:].max(), alike[3:7, 7:].max(), alike[7:9, 9:].max(), alike[9, 10]) < 0.1


def test_without_codes_a_latent_is_the_normal_that_it_was():
    method = build(gan(latent=6.0))  # a whole number, though it may be of another kind too
    want = random.normal(random.key(3), (5, 6))
    np.testing.assert_array_equal(method.latents(random.key(3), 5), want)


def test_both_players_of_infogan_maximise_the_likelihood_of_the_samples_codes():
    """By hand: the critic's scores on samples with their codes, on data with none."""
    method = build(infogan())
    params, stats = begun(method)
    key, data = random.key(5), batch()

    @jax.jit
    def played(params):
        z = method.latents(random.fold_in(key, 0), B)
        own, (_, seen) = method.critic_loss(params, stats, data, key, 0)
        other, _ = method.generator_loss(params, stats, data, key, 0)
        fake = method.generator.apply({"params": params["gen"]}, z)
        judge = lambda x, c: method.discriminator.apply({"params": params["disc"]}, x, c)  # noqa: E731
        codes = method.prior.of(z)
        none = jax.tree.map(jnp.zeros_like, codes)
        return own, other, seen, judge(data["image"], none), judge(fake, codes)

    own, other, seen, real, fake = jax.device_get(played(params))
    information = fake[:, 2]
    np.testing.assert_array_equal(fake[:, 2], fake[:, 3])
    assert (fake[:, 1] == 0).all() and np.abs(information).min() > 0
    hinge = np.maximum(0, 1 - real[:, 0]) + np.maximum(0, 1 + fake[:, 0])
    np.testing.assert_allclose(own, (hinge - information).mean(), rtol=1e-5)
    np.testing.assert_allclose(other, (-fake[:, 0] - information).mean(), rtol=1e-5)
    np.testing.assert_allclose(seen["real"], real[:, 0].mean(), rtol=1e-5)


def test_codes_combine_with_conditions_and_are_an_ability():
    traced(infogan(given=BOTH, options=(spec(condition_dropout, 0.1),)), ("disc", "gen"))
    method = build(infogan())
    assert can(method, HasCodes) and list(method.codes()) == [f"code{k}" for k in range(4)]
    assert method.codes()["code0"].at == slice(3, 7)
    with pytest.raises(ConfigError, match="its latent has none"):
        require(build(gan()), HasCodes, "MIG")
    for asked in ({"truncation": 0.5}, {"interpolate": 3}):
        with pytest.raises(ConfigError, match=r"this model's have codes .code0, code1"):
            latents(SampleRequest(n=2, **asked), method)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: spec(GAN, UPS["concatenation"], CRITICS["concatenation"], INFO_SPEC), "no head"),
        (
            lambda: spec(
                GAN,
                UPS["concatenation"],
                spec(
                    spectral.SpectralNorm,
                    spec(heads.ConditionalDiscriminator, DOWN, heads=OF_CODES[:3]),
                ),
                INFO_SPEC,
            ),
            "recognises 'code3'.*heads.Regression",
        ),
        (
            lambda: spec(
                GAN,
                UPS["concatenation"],
                spec(heads.ConditionalDiscriminator, DOWN, heads=OF_CODES, project=("code0",)),
                INFO_SPEC,
            ),
            "would tell them from data",
        ),
        (lambda: infogan(options=(spec(pooled, 8),)), "with codes: a pool keeps"),
        (lambda: infogan(options=(spec(packed, 2),)), "nor codes"),
        (lambda: infogan(options=(spec(latent_step),)), "changes latents, and with them codes"),
        (lambda: gan(options=(spec(condition_dropout, 1.0),)), "above 0 and below 1"),
        (lambda: gan(given=(), options=(spec(condition_dropout, 0.1),)), "given nothing"),
        (lambda: vae(given=(), condition_dropout=0.1), "given nothing"),
        (lambda: spec(Codes, 3, discrete=(1,)), "at least 2 values"),
    ],
)
def test_what_does_not_fit_is_refused_at_build(make, told):
    with pytest.raises(ConfigError, match=told):
        build(make())


def test_heads_are_of_the_kind_of_their_column():
    method = build(gan(critic="several"))
    method.check(COLUMNS)
    with pytest.raises(ConfigError, match=r"column 'category' is Numbers: use heads.Regression"):
        method.check({**COLUMNS, "category": COLUMNS["hue"]})
    with pytest.raises(ConfigError, match=r"column 'hue' is Label: use heads.Classifier"):
        method.check({**COLUMNS, "hue": COLUMNS["category"]})
    with pytest.raises(ConfigError, match="'code0', which is a code's name"):
        build(infogan()).check({"code0": COLUMNS["category"]})


# --- Dropout of conditions, and guidance.


def test_rows_are_dropped_whole_and_say_so():
    many = cond(3000)
    got = jax.device_get(jax.jit(lambda c: dropout.dropped(c, 0.2, random.key(1), 0))(many))
    kept = got[GIVEN][:, 0]
    assert set(np.unique(kept)) == {0, 1} and abs(kept.mean() - 0.8) < 0.03
    for name in BOTH:
        np.testing.assert_array_equal(got[name], many[name] * kept[:, None])
    none, told, again = jax.device_get(jax.jit(
        lambda c: (dropout.null(c), dropout.marked(c)[GIVEN], dropout.marked(dropout.null(c)))
    )(many))  # fmt: skip
    assert all((x == 0).all() for x in none.values()) and set(none) == {*BOTH, GIVEN}
    np.testing.assert_array_equal(told, 1)
    jax.tree.map(np.testing.assert_array_equal, again, none)


@pytest.mark.parametrize("which", ["gan", "vae"])
def test_a_loss_is_that_of_the_conditions_left(which):
    """All but all of them dropped: the loss no longer depends on what the batch says."""
    share = 1 - 1e-7
    if which == "gan":
        method = build(gan(critic="several", options=(spec(condition_dropout, share),)))
        losses = [method.critic_loss, method.generator_loss]
    else:
        method = build(vae(condition_dropout=share))
        losses = [method.loss]
    params, stats = begun(method)
    of = jax.jit(lambda b: [loss(params, stats, b, random.key(0), 0)[0] for loss in losses])
    other = {**batch(), "category": batch()["category"][::-1], "hue": 1 - batch()["hue"]}
    np.testing.assert_array_equal(of(batch()), of(other))


@pytest.mark.parametrize("which", ["gan", "vae"])
def test_guidance_is_the_line_through_both_outputs(which):
    options = (spec(condition_dropout, 0.1),)
    method = build(gan(options=options) if which == "gan" else vae(condition_dropout=0.1))
    params, stats = begun(method)
    given = cond()

    @jax.jit
    def made(given):
        z = method.latents(random.key(1), B)
        both = [method.generate(params, stats, z, c) for c in (given, method.null(given))]
        return both, [guided(method, s)(params, stats, z, given) for s in (0.0, 1.0, 2.5)]

    (with_, without), (none, once, more) = jax.device_get(made(given))
    assert np.abs(with_ - without).max() > 1e-3
    np.testing.assert_allclose(none, without, atol=1e-6)
    np.testing.assert_allclose(once, with_, atol=1e-6)
    np.testing.assert_allclose(more, without + 2.5 * (with_ - without), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (gan, "its options have no condition_dropout"),
        (vae, "its condition_dropout is 0"),
    ],
)
def test_guidance_of_what_is_always_given_its_conditions_is_refused(make, told):
    method = build(make())
    assert not can(method, Guides)
    with pytest.raises(ConfigError, match=rf"guidance 2 needs .*without its conditions: {told}"):
        guided(method, 2.0)


def test_parts_that_need_every_condition_refuse_dropout():
    method = build(gan(critic="multi-hinge", options=(spec(condition_dropout, 0.1),)))
    with pytest.raises(
        ConfigError, match="MarginDiscriminator has no score for an example without"
    ):
        jax.eval_shape(method.init, random.key(0), batch())
    config = vae(likelihood.learned_gaussian, given=("category",), condition_dropout=0.1)
    with pytest.raises(ConfigError, match=r"second.condition_dropout"):
        TwoStageVAE(None, None, None, build(config))

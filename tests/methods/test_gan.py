import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import game
from genlab.config import ConfigError, build, override, spec
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.methods.gan.options import packed, pooled
from genlab.nets import Discriminator, Generator, mlp


def batch(n=6):
    rng = np.random.default_rng(0)
    return {
        "image": np.float32(rng.uniform(-1, 1, (n, *tiny.SHAPE))),
        "label": np.eye(3, dtype=np.float32)[np.arange(n) % 3],
    }


def begun(method):
    """(params, stats) as `method.init` shapes them, drawn by NumPy, which compiles nothing."""
    rng, shapes = np.random.default_rng(1), jax.eval_shape(method.init, random.key(0), batch())
    params = jax.tree.map(lambda x: np.float32(0.3 * rng.normal(size=x.shape)), shapes[0])
    stats = jax.tree.map_with_path(
        lambda path, x: np.full(x.shape, path[-1].key == "var", x.dtype), shapes[1]
    )
    return params, stats


def conditional(**fields):
    return build(
        spec(
            GAN,
            spec(
                Generator,
                spec(mlp.Up, tiny.SHAPE, (16,), norm="ConditionalBatchNorm"),
            ),
            spec(Discriminator, spec(mlp.Down, (16,))),
            latent=4,
            given=("label",),
            **fields,
        )
    )


OBJECTIVES = ["nonsaturating", "minimax", "least_squares", "wasserstein", "hinge"]


@pytest.fixture(scope="module")
def played():
    """What both players find under every objective, of one program."""
    params, stats = begun(build(tiny.gan().method))
    key, zero = random.key(1), jnp.asarray(0)

    def found(objective):
        method = build(tiny.gan(method={"objective": objective}).method)
        pair = getattr(adversarial, objective)
        critic, (_, seen) = method.critic_loss(params, stats, batch(), key, zero)
        generator, _ = method.generator_loss(params, stats, batch(), key, zero)
        z = method.latents(random.fold_in(key, 0), 6)
        fake, _ = game.apply(method.generator, "gen", params, stats, z, None)
        logits = [
            game.apply(method.discriminator, "disc", params, stats, x, None)[0]
            for x in (batch()["image"], fake)
        ]
        expected = pair.critic(*logits).mean(), pair.generator(*logits).mean()
        return (critic, generator), expected, seen, logits

    return jax.jit(lambda: {name: found(name) for name in OBJECTIVES})()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_are_the_objective_of_the_networks_logits(objective, played):
    losses, expected, seen, (real, fake) = played[objective]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    means = [real.mean(), fake.mean()]
    np.testing.assert_allclose([seen["real"], seen["fake"]], means, rtol=1e-5)


def test_penalties_are_weighed_named_and_may_have_arguments():
    penalties = {"gradient_penalty": {"weight": 5.0, "target": 0.5}, "r1": 2.0}
    method = build(tiny.gan(method={"penalties": penalties}).method)
    loss = jax.jit(method.critic_loss)
    loss, (_, seen) = loss(*begun(method), batch(), random.key(1), np.int32(0))
    expected = seen["adversarial"] + 5 * seen["gradient_penalty"] + 2 * seen["r1"]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_labels_reach_both_networks():
    method = conditional()
    params, stats = begun(method)
    z = np.ones((2, 4), np.float32)
    generate = jax.jit(lambda label: method.generate(params, stats, z, {"label": label}))
    a, b = (generate(np.eye(3, dtype=np.float32)[[k, k]]) for k in (0, 1))
    assert not np.allclose(a, b)
    other = {**batch(), "label": np.roll(batch()["label"], 1, axis=1)}

    @jax.jit
    @jax.value_and_grad
    def slope(params, x):
        return method.critic_loss(params, stats, x, random.key(1), jnp.asarray(0))[0]

    (one, grads), (two, _) = slope(params, batch()), slope(params, other)
    assert one != two
    assert np.abs(grads["disc"]["label"]["embedding"]).max() > 0


def test_generation_uses_running_statistics():
    """A sample does not depend on which other samples are drawn with it."""
    method = build(tiny.gan().method)
    params, stats = begun(method)
    z = np.float32(np.random.default_rng(2).normal(size=(8, 8)))
    whole, part = jax.jit(lambda: [method.generate(params, stats, x) for x in (z, z[:2])])()
    np.testing.assert_allclose(whole[:2], part, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method.objective": "nonsaturated"}, "did you mean 'nonsaturating'"),
        ({"method.penalties": {"gradient_penality": 1.0}}, "did you mean 'gradient_penalty'"),
        (
            {"method.penalties": {"gradient_penalty": {"weight": 1, "tarjet": 2}}},
            "penalties.gradient_penalty: no argument 'tarjet'; did you mean 'target'",
        ),
        ({"method.latent": 0}, "latent is 0"),
        ({"method.penalties": {"r1": {"gamma": 1.0}}}, "dict without `weight`"),
        (
            {"method.penalties": {"mine": {"fn": "nowhere:loss", "weight": 1.0}}},
            "cannot import 'nowhere'",
        ),
    ],
)
def test_mistakes_are_told_at_build(change, told):
    config = tiny.gan()
    for path, value in change.items():
        override(config, path, value)
    with pytest.raises(ConfigError, match=told):
        build(config)


def test_a_generator_of_another_shape_is_refused_with_what_to_set():
    config = tiny.gan()
    override(config, "method.generator.trunk.shape", (16, 16, 1))
    with pytest.raises(ConfigError, match=r"set method.generator.trunk.shape=\(8, 8, 1\)"):
        jax.eval_shape(build(config.method).init, random.key(0), batch())


def test_a_batch_norm_critic_under_a_penalty_is_refused():
    """The penalty is on the gradient at each example; BatchNorm ties the examples together."""
    config = tiny.gan(critic_norm="BatchNorm", method={"penalties": {"r1": 1.0}})
    with pytest.raises(ConfigError, match="the critic has BatchNorm, and a penalty"):
        jax.eval_shape(build(config.method).init, random.key(0), batch())


def test_conditional_networks_need_labelled_data():
    with pytest.raises(ConfigError, match=r"names .label., no column of the data"):
        jax.eval_shape(conditional().init, random.key(0), {"image": batch()["image"]})


@pytest.mark.parametrize(
    ("option", "told"),
    [(spec(packed, 2), "a pack has no one label"), (spec(pooled, 8), "images without conditions")],
)
def test_options_that_lose_the_label_are_refused(option, told):
    with pytest.raises(ConfigError, match=told):
        conditional(options=(option,))

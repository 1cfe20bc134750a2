"""Games without pairs, against NumPy in float64: networks of a few numbers, so that every term of
every paper's loss can be written down.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.game.abilities import Generates, Translates, can
from genlab.game.optim import constant_then_linear
from genlab.methods.translation import CUT, UNIT, CycleGAN, StarGAN, cut, play, pool
from genlab.methods.translation import stargan as of_stargan
from genlab.methods.translation import unit as of_unit
from genlab.nets import stargan as of_critic
from genlab.nets import translation

RNG = np.random.default_rng(0)
SHAPE, KEY, ROUND = (3, 2, 2, 1), random.key(1), 0
PHOTO, SKETCH = RNG.uniform(-1, 1, (2, *SHAPE))
BATCH = {"photo": jnp.float32(PHOTO), "sketch": jnp.float32(SKETCH)}
DOMAINS = ("photo", "sketch")


class Line(nn.Module):
    """a x + b of what is given, or of the first argument; labels given add their own numbers."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """A map."""
        seen = {name: value for name, value in (cond or {}).items()}
        x = next((v for v in seen.values() if v.ndim == 4), x)
        y = self.param("a", nn.initializers.ones, ()) * x
        y += self.param("b", nn.initializers.ones, ())
        for name, label in sorted(seen.items()):
            if label.ndim == 2:
                table = self.param(f"of_{name}", nn.initializers.ones, label.shape[1:])
                y += (label @ table)[:, None, None, None]
        return y


class Judge(nn.Module):
    """One logit for every pixel, and logits of a label from the mean."""

    heads: tuple = ()

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """[b, 2, 2]."""
        logits = self.param("w", nn.initializers.ones, ()) * x[..., 0]
        logits += self.param("c", nn.initializers.ones, ())
        if not self.heads:
            return logits
        u = self.param("u", nn.initializers.ones, (3,))
        return logits, {"label": x.mean((1, 2, 3))[:, None] * u[None]}


def numbered(tree):
    """Numbers of their own for every parameter: (for JAX, the same in float64)."""
    leaves, structure = jax.tree.flatten(tree)
    values = np.random.default_rng(7)
    drawn = [values.uniform(0.3, 0.9, np.shape(x)) * (-1) ** i for i, x in enumerate(leaves)]
    held = jax.tree.unflatten(structure, drawn)
    return jax.tree.map(jnp.float32, held), held


def line(p):
    return lambda x: p["a"] * x + p["b"]


def judge(p):
    return lambda x: p["w"] * x[..., 0] + p["c"]


def gap(a, b):
    return np.abs(a - b).mean()


def started(method, batch=BATCH):
    """(method, params for JAX, params in float64, stats)."""
    method = build(method)
    params, stats = jax.eval_shape(method.init, KEY, batch)
    stats = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), stats)
    return method, *numbered(params), stats


def losses(method, params, stats, batch=BATCH):
    """({player: loss}, {player/term: value}), of one program."""

    @jax.jit
    def both(params, stats):
        return {
            name: player.loss(params, stats, batch, KEY, ROUND)
            for name, player in method.players().items()
        }

    found = both(params, stats)
    terms = {f"{n}/{t}": v for n, (_, (_, seen)) in found.items() for t, v in seen.items()}
    return {name: loss for name, (loss, _) in found.items()}, terms


def test_cyclegan_is_its_equations():
    method, params, p, stats = started(spec(CycleGAN, spec(Line), spec(Judge), DOMAINS, pool=4))
    g, f, d_b, d_a = line(p["gen"]), line(p["inverse"]), judge(p["disc"]), judge(p["disc_inverse"])
    a, b = PHOTO, SKETCH
    adversarial = ((d_b(g(a)) - 1) ** 2).mean() + ((d_a(f(b)) - 1) ** 2).mean()
    cycle, identity = gap(f(g(a)), a) + gap(g(f(b)), b), gap(g(b), b) + gap(f(a), a)
    critic = sum(
        ((d(x) - 1) ** 2).mean() + (d(y) ** 2).mean()
        for d, x, y in [(d_b, b, g(a)), (d_a, a, f(b))]
    )
    found, terms = losses(method, params, stats)
    expected = adversarial + 10 * cycle + 5 * identity
    np.testing.assert_allclose(found["gen"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["disc"], critic / 2, rtol=1e-5)
    np.testing.assert_allclose(terms["gen/cycle"], cycle, rtol=1e-5)
    np.testing.assert_allclose(terms["gen/identity"], identity, rtol=1e-5)
    players = method.players()
    assert players["disc"].beside and players["gen"].owns == ("gen", "inverse")
    assert can(method, Translates) and can(method, Generates)
    for to, expected in (("sketch", g(a)), ("photo", f(a))):
        np.testing.assert_allclose(
            method.translate(params, stats, BATCH["photo"], to), expected, rtol=1e-5
        )


class Centred(nn.Module):
    """x less the mean of its batch, which it keeps."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """A map."""
        kept = self.variable("batch_stats", "mean", jnp.zeros, ())
        kept.value = cond["x"].mean()
        return cond["x"] - kept.value


def test_a_network_with_statistics_sees_two_batches_one_after_the_other():
    a, b = BATCH["photo"], BATCH["sketch"]
    params, stats = {"gen": {}}, {"gen": {"batch_stats": {"mean": jnp.zeros(())}}}
    playing = play.Play({"gen": Centred()}, params, stats, KEY)
    for made, x in zip(playing.on_both("gen", a, b), (a, b), strict=True):
        np.testing.assert_allclose(made, x - x.mean(), atol=1e-6)
    np.testing.assert_allclose(playing.stats["gen"]["batch_stats"]["mean"], b.mean(), rtol=1e-6)


def test_two_losses_of_one_network_compute_it_once():
    """Their programs are alike to the letter, which instance norm has to see to."""
    net, x = translation.ResNet(1, width=2, blocks=1, kernel=3), jnp.ones((1, 8, 8, 1))
    variables = jax.eval_shape(net.init, KEY, x)

    def both(variables, weight, x):
        def loss(variables, weight):
            return jnp.square(weight * net.apply(variables, x) - 1).sum()

        return [jax.grad(loss, argument)(variables, weight) for argument in (0, 1)]

    def count(fn):
        text = jax.jit(fn).lower(variables, x, x).compile().as_text()
        return sum(text.count(f" {name}(") for name in ("convolution", "dot"))

    assert count(both) == count(lambda *a: both(*a)[0])


def test_a_pool_shows_earlier_pictures_in_place_of_half_of_the_new_ones():
    size, n = 50, 2000
    ids = jnp.arange(n, dtype=jnp.float32).reshape(-1, 1)
    seen, after = jax.jit(lambda x: pool.shown(pool.empty(size, x), x, KEY))(ids)
    seen, kept = np.asarray(seen[:, 0]), set(np.asarray(after.pictures[:, 0]))
    np.testing.assert_array_equal(seen[:size], np.arange(size))
    later, earlier = seen[size:], seen[size:] != np.arange(size, n)
    assert abs(earlier.mean() - 0.5) < 0.05
    ages = (np.arange(size, n) - later)[earlier]
    assert 70 < ages.mean() < 130  # 100 in the long run
    # a picture that came when the pool was full is shown once, or waits in it
    new = later[later >= size]
    assert len(set(new)) == len(new) and set(new) | kept >= set(range(size, n))
    assert not set(new) & kept and len(kept) == size


def test_unit_is_its_equations():
    config = spec(UNIT, spec(Line), spec(Line), spec(Judge), DOMAINS, shared=spec(Line))
    method, params, p, stats = started(config)
    noise = [
        np.float64(random.normal(random.fold_in(random.fold_in(KEY, of_unit.NOISE), i), SHAPE))
        for i in range(4)
    ]
    encode = {d: lambda x, d=d: line(p["shared_encoder"])(line(p[f"encoder_{d}"])(x)) for d in "ab"}
    decode = {
        d: lambda z, d=d: np.tanh(line(p[f"decoder_{d}"])(line(p["shared_decoder"])(z)))
        for d in "ab"
    }
    critics = {d: judge(p[f"disc_{d}"]) for d in "ab"}
    data, other = {"a": PHOTO, "b": SKETCH}, {"a": "b", "b": "a"}
    h = {d: encode[d](data[d]) for d in "ab"}
    z = {"a": h["a"] + noise[0], "b": h["b"] + noise[1]}
    fake = {d: decode[d](z[other[d]]) for d in "ab"}  # in domain d
    back = {"a": encode["b"](fake["b"]), "b": encode["a"](fake["a"])}
    drawn = {"a": back["a"] + noise[2], "b": back["b"] + noise[3]}
    terms = {
        "adversarial": sum(((critics[d](fake[d]) - 1) ** 2).mean() / 2 for d in "ab"),
        "reconstruction": sum(gap(decode[d](z[d]), data[d]) for d in "ab"),
        "kl": sum((h[d] ** 2).mean() for d in "ab"),
        "cycle": sum(gap(decode[d](drawn[d]), data[d]) for d in "ab"),
        "cycle_kl": sum((back[d] ** 2).mean() for d in "ab"),
    }
    found, seen = losses(method, params, stats)
    for name, value in terms.items():
        np.testing.assert_allclose(seen[f"gen/{name}"], value, rtol=1e-4, err_msg=name)
    weights = {"adversarial": 1, "reconstruction": 10, "kl": 0.01, "cycle": 10, "cycle_kl": 0.01}
    expected = sum(weights[name] * value for name, value in terms.items())
    np.testing.assert_allclose(found["gen"], expected, rtol=1e-4)
    made = {"a": decode["a"](h["b"] + noise[0]), "b": decode["b"](h["a"] + noise[1])}
    critic = sum(
        ((critics[d](data[d]) - 1) ** 2).mean() / 2 + (critics[d](made[d]) ** 2).mean() / 2
        for d in "ab"
    )
    np.testing.assert_allclose(found["disc"], critic, rtol=1e-4)
    answer = method.translate(params, stats, BATCH["photo"], "sketch")
    np.testing.assert_allclose(answer, decode["b"](h["a"]), rtol=1e-5)


def test_stargan_is_its_equations():
    label = np.eye(3)[[0, 2, 1]]
    batch = {"image": BATCH["photo"], "label": jnp.float32(label)}
    config = spec(StarGAN, spec(Line), spec(Judge, ("label",)))
    method, params, p, stats = started(config, batch)
    order = random.permutation(random.fold_in(KEY, of_stargan.TARGETS), 3)
    wanted, x = label[np.asarray(order)], PHOTO
    assert not np.array_equal(wanted, label)

    def made(x, c):
        return line(p["gen"])(x) + (c @ p["gen"]["of_label"])[:, None, None, None]

    def entropy(x, c):
        logits = x.mean((1, 2, 3))[:, None] * p["disc"]["u"]
        return (np.log(np.exp(logits).sum(1)) - (logits * c).sum(1)).mean()

    fake, d = made(x, wanted), judge(p["disc"])
    penalty = (np.abs(p["disc"]["w"]) / np.sqrt(4) - 1) ** 2  # of the mean of 4 patches' logits
    critic = d(fake).mean() - d(x).mean() + 10 * penalty + entropy(x, label)
    again = gap(made(fake, label), x)
    generator = -d(fake).mean() + entropy(fake, wanted) + 10 * again
    found, terms = losses(method, params, stats, batch)
    np.testing.assert_allclose(found["disc"], critic, rtol=1e-4)
    np.testing.assert_allclose(found["gen"], generator, rtol=1e-4)
    np.testing.assert_allclose(terms["gen/reconstruction"], again, rtol=1e-4)
    assert method.players()["disc"].moves == 5 and can(method, Translates)
    answer = method.translate(params, stats, batch["image"], {"label": jnp.float32(wanted)})
    np.testing.assert_allclose(answer, fake, rtol=1e-5)
    with pytest.raises(ConfigError, match="no 'label' in `to`"):
        method.translate(params, stats, batch["image"], {})
    with pytest.raises(ConfigError, match="set its heads="):
        jax.eval_shape(method.init, KEY, {**batch, "label": jnp.zeros((3, 5))})


def test_a_rate_falls_linearly_after_it_was_constant():
    rate = constant_then_linear(2.0, 100, 50)
    np.testing.assert_allclose([rate(s) for s in (0, 100, 125, 150, 900)], [2, 2, 1, 0, 0])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"domains": ("photo", "photo")}, "give two columns"),
        ({"pool": -1}, "50 in the paper"),
        ({"objective": "boundary_equilibrium"}, "has a memory"),
    ],
)
def test_a_cyclegan_that_cannot_be_is_refused(fields, told):
    with pytest.raises(ConfigError, match=told):
        build(
            spec(
                CycleGAN,
                **{
                    "generator": spec(Line),
                    "discriminator": spec(Judge),
                    "domains": DOMAINS,
                    **fields,
                },
            )
        )


def test_domains_that_do_not_fit_are_refused():
    method = build(spec(CycleGAN, spec(Line), spec(Judge), DOMAINS))
    wide = {**BATCH, "sketch": jnp.zeros((3, 4, 4, 1))}
    with pytest.raises(ConfigError, match=r"CycleGAN\.generator makes"):
        jax.eval_shape(method.init, KEY, wide)
    with pytest.raises(ConfigError, match="the domains are 'photo', 'sketch'"):
        method.translate({}, {}, BATCH["photo"], "drawing")


class Encoding(nn.Module):
    """A `Line` that sows two maps of its encoder."""

    @nn.compact
    def __call__(self, z, cond=None, train=True):
        """A picture."""
        (x,) = cond.values()
        self.sow("intermediates", "features", jnp.concatenate([x, x**2], -1))
        y = Line()(x)
        self.sow("intermediates", "features", jnp.concatenate([y, 1 - y, y**2], -1))
        return y


def test_cut_is_its_equations():
    """All positions are compared, so that their order does not matter."""
    config = spec(CUT, spec(Encoding), spec(Judge), DOMAINS, spec(cut.Heads, 3), contrast=2.0)
    method, params, p, stats = started(config)
    a, b, tau, g = PHOTO, SKETCH, 0.07, line(p["gen"]["Line_0"])

    def embedded(x, number):
        layers = [p["heads"][f"{name}_{number}"] for name in ("first", "second")]
        x = np.maximum(x @ layers[0]["kernel"] + layers[0]["bias"], 0)
        x = x @ layers[1]["kernel"] + layers[1]["bias"]
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def maps(x):
        y = g(x)
        found = np.concatenate([x, x**2], -1), np.concatenate([y, 1 - y, y**2], -1)
        return [embedded(m.reshape(3, 4, -1), n) for n, m in enumerate(found)]

    def nce(x, y):
        found = []
        for queries, keys in zip(maps(y), maps(x), strict=True):
            for picture in range(3):
                for i in range(4):
                    scores = [queries[picture, i] @ keys[picture, j] / tau for j in range(4)]
                    found.append(np.log(np.exp(scores).sum()) - scores[i])
        return np.mean(found)

    contrast, d = (nce(a, g(a)) + nce(b, g(b))) / 2, judge(p["disc"])
    found, terms = losses(method, params, stats)
    np.testing.assert_allclose(terms["gen/contrast"], contrast, rtol=1e-3)
    np.testing.assert_allclose(
        found["gen"], ((d(g(a)) - 1) ** 2).mean() / 2 + 2 * contrast, rtol=1e-3
    )
    np.testing.assert_array_equal(found["heads"], found["gen"])
    assert method.players()["heads"].beside and method.translations() == (DOMAINS,)
    with pytest.raises(ConfigError, match="only"):
        method.translate(params, stats, BATCH["sketch"], "photo")
    shapes = [(1, 4, c) for c in (3, 128, 256, 256, 256)]
    counted = jax.eval_shape(cut.Heads().init, KEY, *map(jnp.zeros, shapes))
    assert sum(x.size for x in jax.tree.leaves(counted)) == 560_384


def test_cut_needs_an_encoder_that_it_can_see():
    wide = {**BATCH, DOMAINS[1]: jnp.repeat(BATCH[DOMAINS[1]], 2, -1)}
    with pytest.raises(ConfigError, match="or set identity=False"):
        jax.eval_shape(build(spec(CUT, spec(Line), spec(Judge), DOMAINS)).init, KEY, wide)
    with pytest.raises(ConfigError, match="sows no features"):
        jax.eval_shape(build(spec(CUT, spec(Line), spec(Judge), DOMAINS)).init, KEY, BATCH)


def test_stargans_critic_has_the_authors_parameters():
    net = of_critic.Discriminator({"label": 5})
    held = jax.eval_shape(net.init, KEY, jax.ShapeDtypeStruct((1, 128, 128, 3), jnp.float32))
    assert sum(x.size for x in jax.tree.leaves(held)) == 44_762_048

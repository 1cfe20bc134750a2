"""Layers against their equations, written again in NumPy and float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict
from helpers.devices import on_devices
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.nets import Discriminator, Encoder, Generator, dcgan, layers, mlp
from genlab.nets.heads import ProjectionDiscriminator
from genlab.nets.layers import minibatch, spectral, wrappers
from genlab.nets.layers.attention import SelfAttention
from genlab.runtime import collectives


def wide(x):
    return np.asarray(x, np.float64)


def draw(*shape, seed=0):
    return np.float32(np.random.default_rng(seed).normal(size=shape))


def one_hot(labels, classes=3):
    return np.eye(classes, dtype=np.float32)[labels]


def begin(net, *args):
    """Variables as `net.init` shapes them, every number drawn by NumPy, which compiles nothing."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(net.init, random.key(0), *args)
    return jax.tree.map(lambda a: np.asarray(rng.normal(size=a.shape), a.dtype), shapes)


def run(net, variables, *args, **kwargs):
    """`net.apply`, compiled whole."""
    return jax.device_get(jax.jit(lambda v, *a: net.apply(v, *a, **kwargs))(variables, *args))


def matrices(params):
    """Every kernel as a matrix [-1, out], by its path inside the wrapped network."""
    flat = flatten_dict(params["net"])
    return {p: wide(w).reshape(-1, w.shape[-1]) for p, w in flat.items() if w.ndim > 1}


@pytest.fixture(scope="module")
def normed():
    """A spectrally normalised critic, its variables and inputs."""
    net = spectral.SpectralNorm(ProjectionDiscriminator(mlp.Down((6, 5))))
    x, labels = draw(4, 3), {"label": one_hot(np.arange(4) % 3)}
    return net, begin(net, x, labels), x, labels


def by_hand(params, u, x, labels, steps):
    """(logits, new u, sigma): Miyato et al. 2018, Algorithm 1, on every kernel of `normed`."""
    weights, new, sigmas = {}, {}, {}
    for path, w in matrices(params).items():
        right = wide(flatten_dict(u)[path])
        for _ in range(steps):
            left = w @ right / np.linalg.norm(w @ right)
            right = w.T @ left / np.linalg.norm(w.T @ left)
        new[path], sigmas[path] = right, left @ w @ right
        weights[path] = w / sigmas[path]
    flat = flatten_dict(params["net"])
    h = wide(x)
    for layer in ("Dense_0", "Dense_1"):
        h = h @ weights["trunk", layer, "kernel"] + wide(flat["trunk", layer, "bias"])
        h = np.where(h > 0, h, 0.01 * h)
    logits = (h @ weights["logit", "kernel"])[:, 0] + wide(flat["logit", "bias"])
    return (
        logits + (np.asarray(labels["label"]) @ weights["label", "embedding"] * h).sum(1),
        new,
        sigmas,
    )


@pytest.mark.parametrize("steps", [1, 3])
def test_spectral_norm_is_the_power_iteration_by_hand(normed, steps):
    net, variables, x, labels = normed
    net = net.clone(steps=steps)
    logits, state = run(net, variables, x, labels, mutable=["spectral"])
    expected, u, _ = by_hand(variables["params"], variables["spectral"]["u"], x, labels, steps)
    np.testing.assert_allclose(logits, expected, rtol=2e-5, atol=1e-5)
    for path, value in flatten_dict(state["spectral"]["u"]).items():
        np.testing.assert_allclose(value, u[path], rtol=0, atol=1e-5)


def test_spectral_norms_become_one(normed):
    net, variables, x, labels = normed
    state = {"spectral": variables["spectral"]}
    move = jax.jit(lambda v: net.apply(v, x, labels, mutable=["spectral"])[1])
    for _ in range(200):
        state = move({**variables, **state})
    _, _, sigmas = by_hand(variables["params"], state["spectral"]["u"], x, labels, steps=1)
    for path, w in matrices(variables["params"]).items():
        np.testing.assert_allclose(np.linalg.svd(w / sigmas[path])[1][0], 1, atol=1e-3)


def test_spectral_norm_keeps_its_vectors_only_in_training(normed):
    net, variables, x, labels = normed
    shown, state = run(net, variables, x, labels, train=False, mutable=["spectral"])
    jax.tree.map(np.testing.assert_array_equal, state["spectral"], variables["spectral"])
    np.testing.assert_allclose(shown, run(net, variables, x, labels), rtol=1e-6)
    assert set(flatten_dict(variables["params"]["net"])) == {
        ("trunk", "Dense_0", "kernel"),
        ("trunk", "Dense_0", "bias"),
        ("trunk", "Dense_1", "kernel"),
        ("trunk", "Dense_1", "bias"),
        ("logit", "kernel"),
        ("logit", "bias"),
        ("label", "embedding"),
    }


def test_a_convolution_is_a_matrix_of_its_output_channels():
    down, x = dcgan.Down(width=2, norm="Identity"), draw(2, 8, 8, 1)
    net = spectral.SpectralNorm(down)
    variables = begin(net, x)
    flat = flatten_dict(variables["params"]["net"])
    for path, w in matrices(variables["params"]).items():
        u = wide(flatten_dict(variables["spectral"]["u"])[path])
        v = w @ u / np.linalg.norm(w @ u)
        flat[path] = flat[path] / np.linalg.norm(w.T @ v)
    expected = run(down, {"params": unflatten_dict(flat)}, x)
    np.testing.assert_allclose(run(net, variables, x), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_through_sigma_holds_its_vectors_fixed():
    """Against finite differences in float64 of f(W / (v^T W u)) with u, v of the unmoved W."""
    net = spectral.SpectralNorm(mlp.Down((4,)))
    x = draw(5, 3)
    variables = begin(net, x)
    w0, bias = (wide(variables["params"]["net"]["Dense_0"][n]) for n in ("kernel", "bias"))
    u = wide(variables["spectral"]["u"]["Dense_0"]["kernel"])
    v = w0 @ u / np.linalg.norm(w0 @ u)
    u = w0.T @ v / np.linalg.norm(w0.T @ v)

    def by_hand(w):
        h = wide(x) @ (w / (v @ w @ u)) + bias
        return (np.where(h > 0, h, 0.01 * h) ** 2).sum()

    expected = np.zeros_like(w0)
    for i in np.ndindex(w0.shape):
        step = np.zeros_like(w0)
        step[i] = 1e-6
        expected[i] = (by_hand(w0 + step) - by_hand(w0 - step)) / 2e-6
    got = jax.jit(jax.grad(lambda p: (net.apply({**variables, "params": p}, x) ** 2).sum()))(
        variables["params"]
    )
    np.testing.assert_allclose(got["net"]["Dense_0"]["kernel"], expected, rtol=1e-4, atol=1e-5)


def test_a_kernel_of_zeros_is_left_alone_and_normalised_once_it_is_none():
    net = spectral.SpectralNorm(mlp.Down((4,)))
    x = draw(5, 3)
    variables = begin(net, x)
    zeros = jax.tree.map(np.zeros_like, variables["params"])
    y, state = run(net, {**variables, "params": zeros}, x, mutable=["spectral"])
    assert not y.any()
    y = run(net.clone(steps=30), {**variables, **state}, x)
    kernel, bias = (wide(variables["params"]["net"]["Dense_0"][n]) for n in ("kernel", "bias"))
    h = wide(x) @ kernel / np.linalg.svd(kernel)[1][0] + bias
    np.testing.assert_allclose(y, np.where(h > 0, h, 0.01 * h), rtol=1e-3, atol=1e-4)


def test_the_tables_of_conditional_norms_are_exempt():
    net = spectral.SpectralNorm(mlp.Up((2,), (4,), norm="ConditionalBatchNorm"))
    labels = {"label": one_hot(np.arange(4) % 2, 2)}
    variables = jax.eval_shape(net.init, random.key(0), draw(4, 3), labels)
    kept = flatten_dict(variables["spectral"]["u"])
    assert set(kept) == {("Dense_0", "kernel"), ("out", "kernel")}
    assert "affine" in variables["params"]["net"]["ConditionalBatchNorm_0"]


def test_spectral_norm_is_a_network_like_the_one_inside():
    inner = Discriminator(mlp.Down((8,), dtype="bfloat16"))
    net = spectral.SpectralNorm(inner)
    assert net.trunk == inner.trunk
    assert spectral.SpectralNorm(Encoder(mlp.Down(), latent=7)).latent == 7
    assert spectral.SpectralNorm(Generator(mlp.Up((2,)))).trunk.shape == (2,)
    exact = layers.in_float32(net)
    assert exact.trunk.dtype == "float32" and net.trunk.dtype == "bfloat16"
    config = spec(spectral.SpectralNorm, spec(Discriminator, spec(mlp.Down, (4,))))
    assert build(config).net.trunk.hidden == (4,)
    with pytest.raises(ConfigError, match="at least 1"):
        spectral.SpectralNorm(inner, steps=0)


def test_spectral_norm_survives_a_gradient_penalty_under_jit_and_pmap():
    """The same second-order gradient and vectors from one device and from two."""
    net = spectral.SpectralNorm(Discriminator(mlp.Down((4,), activation="tanh")))
    x = draw(4, 3)
    variables = begin(net, x)

    def loss(params, x):
        def critic(x):
            return net.apply({**variables, "params": params}, x, mutable=["spectral"])

        def logits(x):
            return critic(x)[0].sum()

        return ((jax.grad(logits)(x) ** 2).sum(-1) - 1).mean(), critic(x)[1]

    moved = jax.jit(jax.grad(loss, has_aux=True))
    grads, state = moved(variables["params"], x)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))
    assert np.abs(grads["net"]["trunk"]["Dense_0"]["kernel"]).max() > 1e-3

    def part(x):
        own = collectives.grad(lambda params: loss(params, x), variables["params"], has_aux=True)
        return collectives.mean(own)

    many = on_devices(part)(x.reshape(2, 2, 3))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a[0], b, rtol=1e-4, atol=1e-6),
        many,
        (grads, state),
    )


def attended(params, x):
    """SelfAttention by hand, one position at a time."""
    f, g, h, v = (wide(params[n]["kernel"])[0, 0] for n in "fghv")
    x = wide(x)
    batch, height, width, _ = x.shape

    def pooled(y):
        return np.array(
            [
                y[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(4, -1).max(0)
                for i in range(height // 2)
                for j in range(width // 2)
            ]
        )

    out = np.zeros_like(x)
    for b in range(batch):
        keys, values = pooled(x[b] @ f), pooled(x[b] @ h)
        for i in range(height):
            for j in range(width):
                scores = keys @ (x[b, i, j] @ g)
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                out[b, i, j] = (weights @ values) @ v
    return x + wide(params["gamma"]) * out


def test_self_attention_is_the_equation_by_hand():
    net, x = SelfAttention(), 2 * draw(2, 4, 6, 16)
    params = jax.jit(net.init)(random.key(1), x)["params"]
    np.testing.assert_array_equal(run(net, {"params": params}, x), x)  # gamma starts at zero
    assert [params[n]["kernel"].shape[-1] for n in "fghv"] == [2, 2, 8, 16]
    params = {**params, "gamma": jnp.asarray(1.5)}
    np.testing.assert_allclose(
        run(net, {"params": params}, x), attended(params, x), rtol=1e-4, atol=1e-4
    )
    half = run(net.clone(dtype="bfloat16"), {"params": params}, x.astype(jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(wide(half), attended(params, x), atol=0.3)


def deviation(x, group, channels):
    """[B, channels]: the mean over features and positions of the deviation over the group."""
    x = wide(x).reshape(len(x), -1, x.shape[-1])
    rows = []
    for start in range(0, len(x), group):
        std = np.sqrt(x[start : start + group].var(axis=0) + 1e-8)
        parts = np.split(std, channels, axis=-1)
        rows += [[part.mean() for part in parts]] * group
    return np.array(rows)


@pytest.mark.parametrize(("group", "channels"), [(4, 1), (2, 3), (0, 2)])
def test_minibatch_stddev_is_the_deviation_by_hand(group, channels):
    net = minibatch.MinibatchStddev(group, channels)
    x = draw(8, 2, 2, 6) * np.arange(1, 9, dtype=np.float32).reshape(8, 1, 1, 1)

    @jax.jit
    def everything(x):
        slope = jax.grad(lambda x: net.apply({}, x).sum())(jnp.ones((8, 6)))
        return net.apply({}, x), net.apply({}, x[:, 0, 0]), slope

    y, flat, same = jax.device_get(everything(x))
    np.testing.assert_array_equal(y[..., :6], x)
    expected = deviation(x, group or 8, channels)
    for i in range(2):
        np.testing.assert_allclose(y[:, i, 1 - i, 6:], expected, rtol=1e-5)
    expected = deviation(x[:, 0, 0], group or 8, channels)
    np.testing.assert_allclose(flat[:, 6:], expected, rtol=1e-5)
    assert np.isfinite(same).all()


def test_minibatch_stddev_refuses_what_does_not_divide():
    with pytest.raises(ConfigError, match=r"group=4.*batch of 6.*divide"):
        minibatch.MinibatchStddev().apply({}, draw(6, 3))
    with pytest.raises(ConfigError, match=r"channels=2.*after 3"):
        minibatch.MinibatchStddev(channels=2).apply({}, draw(4, 3))


@pytest.mark.parametrize("group", [2, pytest.param(4, marks=pytest.mark.slow), 0])
def test_minibatch_layers_see_the_global_batch(group):
    """On four devices of two rows each: the numbers, and the gradient, of one device of eight."""
    net = layers.Chain((minibatch.MinibatchStddev(group), minibatch.MinibatchDiscrimination(3, 2)))
    x = draw(8, 5)
    variables = begin(net, x)

    def loss(variables, x):
        y = net.apply(variables, x)
        return (y[:, 5:] ** 2).mean(), y

    def part(x):
        return collectives.grad(lambda variables: loss(variables, x), variables, has_aux=True)

    grads, y = jax.jit(part)(x)
    parts, rows = on_devices(part, 4)(x.reshape(4, 2, 5))
    np.testing.assert_allclose(rows.reshape(8, -1), y, rtol=1e-4, atol=1e-5)
    got = np.mean(parts["params"]["parts_1"]["tensor"]["kernel"], axis=0)
    wanted = grads["params"]["parts_1"]["tensor"]["kernel"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_minibatch_discrimination_is_the_equation_by_hand():
    net, x = minibatch.MinibatchDiscrimination(kernels=4, size=3), draw(6, 5)
    variables = begin(net, x)
    m = (wide(x) @ wide(variables["params"]["tensor"]["kernel"])).reshape(6, 4, 3)
    expected = np.array(
        [
            [sum(np.exp(-np.abs(m[i, b] - m[j, b]).sum()) for j in range(6)) for b in range(4)]
            for i in range(6)
        ]
    )
    y = run(net, variables, x)
    np.testing.assert_array_equal(y[:, :5], x)
    np.testing.assert_allclose(y[:, 5:], expected, rtol=1e-5)
    collapsed = run(net, variables, jnp.ones((6, 5)))
    np.testing.assert_allclose(collapsed[:, 5:], 6, rtol=1e-6)  # every example is every other


def virtual(x, n):
    """VirtualBatchNorm with scale 1 and bias 0 by hand: each example and the n references."""
    x = wide(x)
    axes = tuple(range(1, x.ndim - 1))
    mean, square = x.mean(axes), (x**2).mean(axes)
    out = np.zeros_like(x)
    for i in range(len(x)):
        old = 1.0 if i < n else n / (n + 1)
        m = old * mean[:n].mean(0) + (1 - old) * mean[i]
        s = old * square[:n].mean(0) + (1 - old) * square[i]
        out[i] = (x[i] - m) / np.sqrt(s - m**2 + 1e-5)
    return out


@pytest.mark.parametrize("shape", [(7, 3), (7, 2, 4, 3)])
def test_virtual_batch_norm_is_the_equation_by_hand(shape):
    norm, x = layers.VirtualBatchNorm(), 3 * draw(*shape) + 2
    with wrappers._seeing(5):
        plain = {"params": {"scale": jnp.ones(3), "bias": jnp.zeros(3)}}
        y = run(norm, plain, x)
        moved = {"params": {"scale": jnp.full(3, 2.0), "bias": jnp.full(3, -1.0)}}
        np.testing.assert_allclose(run(norm, moved, x), 2 * y - 1, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(y, virtual(x, 5), rtol=1e-4, atol=1e-4)


def test_a_reference_batch_makes_an_example_alone_what_it_is_in_a_batch():
    """The network's first rows stay its reference, also under a spectral norm; an example's logit
    is its own, which with BatchNorm it is not.
    """
    critic = Discriminator(mlp.Down((8, 8), norm="VirtualBatchNorm"))
    x, labels = draw(6, 5), {"label": one_hot(np.arange(6) % 3)}
    inside = layers.WithReference(critic, size=4)
    net = spectral.SpectralNorm(inside)

    @jax.jit
    def play(x, labels):
        variables = net.init(random.key(1), x, labels)
        whole = net.apply(variables, x, labels, mutable=["reference", "spectral", "intermediates"])
        alone = net.apply(variables, x[5:], {"label": labels["label"][5:]})
        return variables, *whole, alone, net.apply(variables, x.at[:5].add(1.0), labels)

    variables, y, state, alone, others = play(x, labels)
    kept = variables["reference"]["net"]
    np.testing.assert_array_equal(kept["x"], x[:4])
    np.testing.assert_array_equal(kept["cond"]["label"], np.eye(3)[[0, 1, 2, 0]])
    jax.tree.map(np.testing.assert_array_equal, state["reference"], variables["reference"])
    assert y.shape == (6,)
    np.testing.assert_allclose(alone, y[5:], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(others[5], y[5], rtol=1e-4, atol=1e-5)
    assert abs(others[0] - y[0]) > 1e-3
    (features,) = state["intermediates"]["net"]["net"]["features"]
    assert features.shape == (6, 8)
    with pytest.raises(ConfigError, match="wrap the whole network"):
        begin(critic, x, labels)
    with pytest.raises(ConfigError, match="reference batch of 64 from a batch of 6"):
        begin(layers.WithReference(critic), x, labels)


def test_a_reference_batch_and_minibatch_layers_do_not_mix():
    """On one device and on two, where the reference batch is counted once all the same."""
    close = minibatch.MinibatchDiscrimination(3, 2)
    trunk = layers.Chain((mlp.Down((4,), norm="VirtualBatchNorm"), close))
    again = layers.VirtualBatchNorm()
    net, x = layers.WithReference(layers.Chain((trunk, again)), size=4), draw(6, 5)
    variables = begin(net, x)
    params = variables["params"]["net"]
    y = run(net, variables, x)
    split = on_devices(lambda x: net.apply(variables, x))(x.reshape(2, 3, 5))
    np.testing.assert_allclose(split.reshape(6, -1), y, rtol=1e-4, atol=1e-4)
    rows = np.concatenate([variables["reference"]["x"], x])
    with wrappers._seeing(4):
        h = run(trunk.parts[0], {"params": params["parts_0"]["parts_0"]}, rows)
    inner = {"params": params["parts_0"]["parts_1"]}
    h = np.concatenate([run(close, inner, h[:4]), run(close, inner, h[4:])])
    with wrappers._seeing(4):
        np.testing.assert_allclose(
            y, run(again, {"params": params["parts_1"]}, h)[4:], rtol=1e-4, atol=1e-4
        )


def test_statistics_of_a_reference_batch_can_be_averaged():
    """As a moving average and `pmean` do: floats in, floats out, and the labels stay labels."""
    net = layers.WithReference(
        Generator(mlp.Up((2,), (4,), norm="VirtualBatchNorm"), bounded=False), 4
    )
    z, labels = draw(4, 3), {"label": one_hot([2, 1, 0, 2])}
    variables = jax.jit(net.init)(random.key(1), z, labels)
    assert {x.dtype for x in jax.tree.leaves(variables["reference"])} == {jnp.dtype("float32")}
    kept = jax.tree.map(lambda e: e * (1 - 1e-6), variables["reference"])  # as rounding might
    np.testing.assert_allclose(
        run(net, {**variables, "reference": kept}, z, labels),
        run(net, variables, z, labels),
        rtol=1e-4,
        atol=1e-5,
    )


def test_group_and_pixel_norms_by_hand():
    x = 3 * draw(2, 2, 3, 48) + 1
    grouped = layers.GroupNorm()
    y = run(grouped, {"params": {"norm": {"scale": jnp.ones(48), "bias": jnp.zeros(48)}}}, x)
    flat = wide(x).reshape(2, 6, 16, 3)  # gcd(32, 48) groups
    mean, std = flat.mean((1, 3), keepdims=True), flat.std((1, 3), keepdims=True)
    np.testing.assert_allclose(y, ((flat - mean) / std).reshape(x.shape), rtol=1e-3, atol=1e-3)
    unit = run(layers.norm("PixelNorm", "float32"), {}, x)
    expected = wide(x) / np.sqrt((wide(x) ** 2).mean(-1, keepdims=True))
    np.testing.assert_allclose(unit, expected, rtol=1e-5)


def test_maxout_takes_the_largest_piece_and_scales_its_input():
    net, x = mlp.Maxout((3, 2), pieces=4, scale=0.25), draw(5, 6)
    params = begin(net, x)["params"]
    h = 0.25 * wide(x)
    for name, width in (("Dense_0", 3), ("Dense_1", 2)):
        h = h @ wide(params[name]["kernel"]) + wide(params[name]["bias"])
        h = np.stack([h[:, i * 4 : i * 4 + 4].max(1) for i in range(width)], axis=1)
    np.testing.assert_allclose(run(net, {"params": params}, x), h, rtol=1e-5, atol=1e-6)
    down = mlp.Down((3,))
    variables = begin(down, x)
    np.testing.assert_allclose(
        run(down.clone(scale=0.5), variables, x), run(down, variables, 0.5 * x), rtol=1e-6
    )


def test_dropout_asks_for_a_key_only_where_it_drops():
    x = draw(64, 6)
    for make in (mlp.Down, mlp.Maxout):
        whole = make((32,))
        variables = begin(whole, x)
        y = run(whole, variables, x)
        dropping = whole.clone(dropout=0.5)
        np.testing.assert_array_equal(run(dropping, variables, x, train=False), y)
        z = run(dropping, variables, x, rngs={"dropout": random.key(1)})
        assert 0.4 < float((z == 0).mean()) < 0.6
        np.testing.assert_allclose(z, np.where(z == 0, 0, 2 * y), rtol=1e-6)
        with pytest.raises(Exception, match="dropout"):
            run(dropping, variables, x)


def test_initialisers_by_name_by_spec_and_by_default():
    x = draw(2, 9)
    orthogonal = spec(jax.nn.initializers.orthogonal, 0.8)
    net = build(
        spec(
            Discriminator,
            spec(mlp.Down, (4,), kernel_init=orthogonal, activation="tanh"),
            kernel_init=spec(jax.nn.initializers.constant, 0.5),
        )
    )
    params = jax.jit(net.init)(random.key(0), x)["params"]
    kernel = wide(params["trunk"]["Dense_0"]["kernel"])
    np.testing.assert_allclose(kernel.T @ kernel, 0.64 * np.eye(4), atol=1e-6)
    np.testing.assert_array_equal(params["logit"]["kernel"], np.full((4, 1), 0.5))
    up = mlp.Up((2,), (4,), kernel_init="zeros_init", activation=jnp.tanh)
    named = jax.jit(up.init)(random.key(0), x)
    assert not any(v.any() for v in jax.tree.leaves(named))
    with pytest.raises(ConfigError, match="did you mean 'orthogonal'"):
        begin(mlp.Down((4,), kernel_init="orthogonl"), x)


def test_in_float32_reaches_every_part_of_a_chain():
    chain = layers.Chain(
        (mlp.Down((4,), dtype="bfloat16"), minibatch.MinibatchStddev(dtype="bfloat16"))
    )
    exact = layers.in_float32(Discriminator(chain)).trunk
    assert [part.dtype for part in exact.parts] == ["float32", "float32"]

"""Quantisers against NumPy in float64, and against what is known of them exactly."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from helpers.devices import on_devices
from jax import random

from genlab.config import ConfigError
from genlab.nets import quantise, vqvae
from genlab.nets.quantise import contract

B, N, D, K = 4, 3, 5, 7


def vectors(seed=0, d=D):
    return np.float32(np.random.default_rng(seed).normal(size=(B, N, d)))


def run(net, variables, *args, **kwargs):
    """`net.apply`, compiled as one program."""
    return jax.jit(partial(net.apply, **kwargs))(variables, *args)


def nearest(z, table):
    return ((np.float64(z)[..., None, :] - np.float64(table)) ** 2).sum(-1).argmin(-1)


def gradient(fn, z):
    """Of a sum with weights that differ, so that no two entries can be taken for one another."""
    weight = np.float32(np.random.default_rng(9).normal(size=z.shape))
    return np.asarray(jax.jit(jax.grad(lambda z: (weight * fn(z)).sum()))(z)), weight


def test_a_vector_becomes_the_nearest_of_the_codebook_and_both_losses_are_its_distance():
    net, z = quantise.Codebook(K), vectors()
    params = tiny.parameters(net.init, z)
    found = run(net, params, z)
    table = np.float64(params["params"]["embedding"])
    codes = nearest(z, table)
    np.testing.assert_array_equal(found.codes[0], codes)
    np.testing.assert_allclose(found.z, table[codes], rtol=1e-5, atol=1e-6)
    apart = ((np.float64(z) - table[codes]) ** 2).sum(-1).mean(-1)
    for name in ("commitment", "codebook"):
        np.testing.assert_allclose(found.losses[name], apart, rtol=1e-5)
    again = run(net, params, found.codes, method="lookup")
    np.testing.assert_allclose(again, table[codes], rtol=1e-6)


def test_commitment_moves_the_encoder_alone_and_codebook_the_table_alone():
    net, z = quantise.Codebook(K), vectors()
    params = tiny.parameters(net.init, z)

    @jax.jit
    def slopes(z, params):
        of = lambda name: lambda z, p: net.apply(p, z).losses[name].sum()  # noqa: E731
        return {n: jax.grad(of(n), (0, 1))(z, params) for n in ("commitment", "codebook")}

    found, table = slopes(z, params), np.asarray(params["params"]["embedding"])
    codes = nearest(z, table)
    to_z, to_table = found["commitment"]
    np.testing.assert_allclose(to_z, 2 * (z - table[codes]) / N, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(to_table["params"]["embedding"], 0)
    to_z, to_table = found["codebook"]
    np.testing.assert_array_equal(to_z, 0)
    expected = np.zeros((K, D))
    for b, n in itertools.product(range(B), range(N)):
        expected[codes[b, n]] += 2 * (table[codes[b, n]] - z[b, n]) / N
    np.testing.assert_allclose(to_table["params"]["embedding"], expected, rtol=1e-4, atol=1e-6)


def test_one_code_is_the_mean():
    """By gradient where the loss is least, by averages without memory at once."""
    z = vectors()
    mean, one = z.reshape(-1, D).mean(0), quantise.Codebook(1)
    slope = jax.jit(
        jax.grad(lambda p: one.apply({"params": {"embedding": p}}, z).losses["codebook"].sum())
    )
    np.testing.assert_allclose(slope(mean[None]), np.zeros((1, D)), atol=1e-5)
    averaged = quantise.Averaged(1, decay=0.0)
    variables = jax.jit(averaged.init)(random.key(0), z)
    _, after = run(averaged, variables, z, mutable=["codebook"])
    q = run(averaged, after, (jnp.zeros((1, 1), jnp.int32),), method="lookup")
    np.testing.assert_allclose(q[0, 0], mean, rtol=1e-4)


def averages(net, variables, batches):
    """Sums and counts after some batches, in NumPy."""
    held = variables["codebook"]
    sums, counts = np.float64(held["sums"]), np.float64(held["counts"])
    for z in batches:
        smooth = (counts + net.epsilon) / (counts.sum() + K * net.epsilon) * counts.sum()
        codes = nearest(z, sums / smooth[:, None]).reshape(-1)
        hot = np.eye(K)[codes]
        sums = net.decay * sums + (1 - net.decay) * hot.T @ np.float64(z).reshape(-1, D)
        counts = net.decay * counts + (1 - net.decay) * hot.sum(0)
    return sums, counts


def test_averages_follow_the_vectors_of_their_codes():
    net = quantise.Averaged(K, decay=0.8, epsilon=1e-2)
    batches = [vectors(seed) for seed in range(3)]
    variables = start = jax.jit(net.init)(random.key(0), batches[0])
    assert "params" not in start
    update = jax.jit(lambda v, z: net.apply(v, z, mutable=["codebook"]))
    for z in batches:
        found, new = update(variables, z)
        variables = {**variables, **new}
        np.testing.assert_allclose(
            found.losses["commitment"],
            ((np.float64(z) - np.float64(found.z)) ** 2).sum(-1).mean(-1),
            rtol=1e-4,
        )
    sums, counts = averages(net, start, batches)
    np.testing.assert_allclose(variables["codebook"]["sums"], sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variables["codebook"]["counts"], counts, rtol=1e-6)
    held = run(net, variables, z, train=False, mutable=["codebook"])[1]
    np.testing.assert_array_equal(held["codebook"]["sums"], variables["codebook"]["sums"])
    slope, weight = gradient(lambda z: run(net, variables, z, train=False).z, z)
    np.testing.assert_allclose(slope, weight, rtol=1e-6)


def test_the_codes_of_two_devices_are_averaged_over_the_global_batch_and_restarts_agree():
    """The restarted vectors are rows of either device's batch."""
    z, net = vectors(), quantise.Averaged(K, decay=0.0, restart=0.5)
    variables = jax.jit(net.init)(random.key(0), z)

    def move(z, key):
        rngs = {"dropout": key}
        return net.apply(variables, z, mutable=["codebook"], rngs=rngs)[1]["codebook"]

    keys = random.split(random.key(3), 2)
    halves = z.reshape(2, B // 2, N, D)
    mapped = on_devices(move)(halves, keys)
    mapped = jax.tree.map(np.asarray, mapped)
    jax.tree.map(lambda x: np.testing.assert_array_equal(x[0], x[1]), mapped)
    sums, counts = averages(net, variables, [z])
    dead = counts < 0.5
    assert 0 < dead.sum() < K
    np.testing.assert_allclose(mapped["sums"][0][~dead], sums[~dead], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(mapped["counts"][0], np.where(dead, 0.5, counts))
    rows = z.reshape(2, -1, D)
    for k in np.flatnonzero(dead):
        at = np.abs(rows - mapped["sums"][0][k] / 0.5).sum(-1).min(-1)
        assert at[k % 2] < 1e-5 and len(rows[0]) == 6


def test_dead_codes_of_a_codebook_by_gradient_become_vectors_of_the_batch_on_all_devices():
    z, net = vectors(), quantise.Codebook(K, restart=0.5, decay=0.0)
    variables = jax.jit(net.init)(random.key(0), z)
    table = np.asarray(variables["params"]["embedding"])
    every = (np.arange(K)[None],)

    def move(z, key, train=True):
        return net.apply(variables, z, None, train, mutable=["codebook"], rngs={"dropout": key})

    def moved(z, key):
        _, after = move(z, key)
        now = net.apply({**variables, **after}, every, method="lookup")[0]
        return now, after["codebook"]["counts"], move(z, key, False)[1]["codebook"]["shift"]

    keys = random.split(random.key(3), 2)
    now, counts, still = map(np.asarray, on_devices(moved)(z.reshape(2, B // 2, N, D), keys))
    used = np.bincount(nearest(z, table).reshape(-1), minlength=K)
    dead, rows = used == 0, z.reshape(2, -1, D)
    assert 0 < dead.sum() < K
    for of in (now, counts):
        np.testing.assert_array_equal(of[0], of[1])
    np.testing.assert_allclose(now[0][~dead], table[~dead], rtol=1e-6)
    np.testing.assert_array_equal(counts[0], np.where(dead, 0.5, used))
    for k in np.flatnonzero(dead):
        assert np.abs(rows[k % 2] - now[0][k]).sum(-1).min() < 1e-5
    np.testing.assert_array_equal(still, 0)


def test_a_code_that_is_not_used_stays_where_it_was():
    net, z = quantise.Averaged(K, decay=0.9, epsilon=0.0), vectors()
    variables = jax.jit(net.init)(random.key(0), z)
    every = np.arange(K)[None]
    look = jax.jit(lambda v: net.apply(v, (every,), method="lookup")[0])
    before = np.asarray(look(variables))
    _, after = run(net, variables, z, mutable=["codebook"])
    unused = np.setdiff1d(np.arange(K), nearest(z, before))
    assert len(unused)
    np.testing.assert_allclose(np.asarray(look(after))[unused], before[unused], rtol=1e-5)


def test_straight_through_hands_the_gradient_on():
    z, q = vectors(), vectors(1)
    np.testing.assert_allclose(jax.jit(quantise.straight_through)(z, q), q, atol=1e-6)
    slope, weight = gradient(lambda z: quantise.straight_through(z, q), z)
    np.testing.assert_array_equal(slope, weight)


def test_the_rotation_trick_turns_and_scales_the_gradient_and_keeps_its_angle():
    z, q = vectors(), vectors(1)
    np.testing.assert_allclose(jax.jit(quantise.rotation)(z, q), q, atol=1e-6)
    one = lambda z, q: quantise.rotation(z[None], q[None])[0]  # noqa: E731
    jacobian = np.asarray(jax.jit(jax.vmap(jax.jacobian(one)))(z.reshape(-1, D), q.reshape(-1, D)))
    for j, a, b in zip(jacobian, z.reshape(-1, D), q.reshape(-1, D), strict=True):
        scale = (b @ b) / (a @ a)
        np.testing.assert_allclose(j.T @ j, scale * np.eye(D), atol=1e-4 * max(scale, 1))
        g = np.arange(1.0, D + 1)
        cosine = lambda x, y: x @ y / np.linalg.norm(x) / np.linalg.norm(y)  # noqa: E731
        np.testing.assert_allclose(cosine(j.T @ g, a), cosine(g, b), atol=1e-4)
        assert np.linalg.det(j) > 0, "a rotation, no reflection"


@pytest.mark.parametrize("case", ["opposite", "zero", "to zero"])
def test_the_rotation_trick_is_finite_where_there_is_no_rotation(case):
    q = vectors()
    z = {"opposite": -q, "zero": 0 * q, "to zero": q}[case]
    q = 0 * q if case == "to zero" else q
    slope, _ = gradient(lambda z: quantise.rotation(z, q), z)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(jax.jit(quantise.rotation)(z, q), q, atol=1e-6)


@pytest.mark.parametrize(
    "levels", [(2, 3, 4, 5, 8), pytest.param((8, 5, 5, 5), marks=pytest.mark.slow)]
)
def test_finite_scalars_reach_all_their_levels_and_every_code_is_found_again(levels):
    net, size = quantise.FiniteScalar(levels), int(np.prod(levels))
    assert net.sizes == (size,) and net.weights == {}
    wide = np.linspace(-4, 4, 401, dtype=np.float32)[:, None] * np.ones(len(levels), np.float32)
    found = run(net, {}, wide[None])
    for column, n in zip(np.asarray(found.z[0]).T, levels, strict=True):
        expected = (np.arange(n) - n // 2) / (n // 2)
        np.testing.assert_allclose(np.unique(column), expected, atol=1e-6)
        assert (np.diff(column) >= 0).all()
    codes = (jnp.arange(size).reshape(1, -1),)
    q = run(net, {}, codes, method="lookup")
    assert len(np.unique(np.asarray(q[0]), axis=0)) == size
    half, offset = (np.asarray(levels) - 1) * 1.001 / 2, np.where(np.asarray(levels) % 2, 0, 0.5)
    back = np.arctanh((np.asarray(q) * (np.asarray(levels) // 2) + offset) / half)
    back = back - np.arctanh(offset / half)
    np.testing.assert_array_equal(run(net, {}, jnp.float32(back)).codes[0], codes[0])
    np.testing.assert_allclose(run(net, {}, jnp.zeros((1, 1, len(levels)))).z, 0, atol=1e-6)


def test_the_gradient_of_finite_scalars_is_that_of_the_bound():
    levels, z = (4, 5), vectors(d=2)
    slope, weight = gradient(lambda z: quantise.FiniteScalar(levels).apply({}, z).z, z)
    half, offset = np.array([3, 4]) * 1.001 / 2, np.array([0.5, 0])
    inside = np.tanh(z + np.arctanh(offset / half))
    np.testing.assert_allclose(slope, weight * half * (1 - inside**2) / 2, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("kind", "group"), [("LookupFree", 6), ("Binary", 6), ("LookupFree", 2)])
def test_lookup_free_entropies_are_those_over_all_codes(kind, group):
    """2^6 codes written out; in groups of two bits the entropy of the batch is a sum, larger."""
    bits, tau = 6, 0.4
    net, z = getattr(quantise, kind)(bits, tau=tau, group=group), 0.5 * vectors(d=6)
    found, seen, scale = run(net, {}, z), np.float64(z), 1.0
    if kind == "Binary":
        seen, scale = seen / np.linalg.norm(seen, axis=-1, keepdims=True), bits**-0.5
    every = scale * (2 * ((np.arange(2**bits)[:, None] >> np.arange(bits)) & 1) - 1)
    q = scale * np.where(seen > 0, 1, -1)
    np.testing.assert_allclose(found.z, q, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(every[np.asarray(found.codes[0])], q, rtol=1e-6)
    np.testing.assert_allclose(run(net, {}, found.codes, method="lookup"), q, rtol=1e-6)
    np.testing.assert_allclose(
        found.losses["commitment"], ((seen - q) ** 2).sum(-1).mean(-1), rtol=1e-5
    )
    logits = 2 * tau * seen @ every.T
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    entropy = lambda p: -(p * np.log(p)).sum(-1)  # noqa: E731
    np.testing.assert_allclose(found.losses["confidence"], entropy(p).mean(-1), rtol=1e-4)
    whole = entropy(p.reshape(-1, 2**bits).mean(0))
    if group == bits:
        np.testing.assert_allclose(-found.losses["diversity"], whole, rtol=1e-4)
    else:
        assert -found.losses["diversity"] > whole


def test_residual_parts_all_commit_the_encoder_and_pass_one_gradient():
    parts, z = (quantise.Codebook(K), quantise.Codebook(K)), vectors()
    net = quantise.Residual(parts)
    params = tiny.parameters(net.init, z)
    first, second = (np.asarray(params["params"][f"parts_{i}"]["embedding"]) for i in (0, 1))
    found = run(net, params, z)
    codes = nearest(z, first)
    left = z - first[codes]
    more = nearest(left, second)
    assert net.sizes == (K, K) and len(found.codes) == 2
    np.testing.assert_array_equal(found.codes[1], more)
    np.testing.assert_allclose(found.z, first[codes] + second[more], rtol=1e-4, atol=1e-5)
    again = run(net, params, found.codes, method="lookup")
    np.testing.assert_allclose(again, found.z, rtol=1e-4, atol=1e-5)
    slope, weight = gradient(lambda z: run(net, params, z).z, z)
    np.testing.assert_array_equal(slope, weight)
    slope = jax.jit(jax.grad(lambda z: net.apply(params, z).losses["commitment"].sum()))(z)
    np.testing.assert_allclose(slope, 2 * (left + left - second[more]) / N, rtol=1e-3, atol=1e-5)


def test_a_hierarchy_quantises_the_coarse_map_first_and_gives_both():
    net = quantise.Hierarchical(
        vqvae.Down(8, 8, halvings=1, blocks=0), vqvae.Up((4, 4, 6), 8, halvings=1, blocks=0),
        quantise.Codebook(5), quantise.Averaged(9), channels=3,
    )  # fmt: skip
    z = random.normal(random.key(0), (2, 4, 4, 8))
    variables = jax.jit(net.init)(random.key(1), z)
    found, _ = jax.jit(lambda v, z: net.apply(v, z, mutable=["codebook"]))(variables, z)
    assert net.sizes == (5, 9) and [c.shape for c in found.codes] == [(2, 2, 2), (2, 4, 4)]
    assert found.z.shape == (2, 4, 4, 6 + 3)
    again = run(net, variables, found.codes, method="lookup")
    np.testing.assert_allclose(again, found.z, rtol=1e-4, atol=1e-5)
    assert set(found.losses) == set(net.weights) == {"commitment", "codebook"}


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (quantise.Codebook(0), "at least one code"),
        (quantise.FiniteScalar((8, 5)), "features=2"),
        (quantise.FiniteScalar((8, 1)), "at least two"),
        (quantise.FiniteScalar((8,) * 11), "8589934592 codes"),
        (quantise.LookupFree(3), "features=3"),
        (quantise.LookupFree(40), "1 to 30"),
        (quantise.Residual(()), "without parts"),
    ],
)
def test_what_does_not_fit_is_refused(net, says):
    with pytest.raises(ConfigError, match=says):
        jax.eval_shape(net.init, random.key(0), vectors())


def test_an_estimator_is_found_by_name_or_refused():
    assert contract.estimator("rotation") is quantise.rotation
    with pytest.raises(ConfigError, match="rotation"):
        contract.estimator("rotatoin")

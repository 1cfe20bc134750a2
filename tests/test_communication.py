"""What devices tell one another, counted in the compiled program."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny

from genlab import spec
from genlab.data import from_arrays, products, sprites
from genlab.data.sources import shuffled
from genlab.nets import Generator, mlp
from genlab.runtime import placement
from genlab.runtime.communication import KINDS, Exchange, Machine, Work, efficiency, exchanges
from genlab.train.program import prepare

NORM = 2 * 16  # numbers in the statistics of the one BatchNorm of each of these networks
PENALISED = {"penalties": {"gradient_penalty": 10.0}, "critic_moves": 5}


def plain(**kwargs):
    """Without norms: nothing to share but gradients."""
    config = tiny.gan(**kwargs)
    config.method.generator = spec(Generator, spec(mlp.Up, tiny.SHAPE, (16,), norm="Identity"))
    return config


GAMES = {  # and how often a round needs the global statistics of a BatchNorm
    "plain": (plain, {"disc": 1, "gen": 1}, 0),
    # the generator's: forward in the critic's move; forward and backward in its own; the critic's:
    # twice forward and backward; forward and backward. Running averages follow from these.
    "norms": (lambda **k: tiny.gan("BatchNorm", **k), {"disc": 1, "gen": 1}, 3 + 4 + 2),
    "penalty": (lambda **k: tiny.gan(method=PENALISED, **k), {"disc": 5, "gen": 1}, 5 + 2),
    "vae": (tiny.vae, {"encoder": 1, "decoder": 1}, 2),
}
FIRST = {"norms"}  # under `pmap` in the default suite


def counted(config) -> tuple[list[Exchange], dict[str, int]]:
    """The collectives of a round, and the number of parameters by network."""
    training = prepare(config)
    state, held = training.like(), training.fetch(0, 1)
    program = training.compile(state, held, 1).executable.as_text()
    sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in state.params.items()}
    return exchanges(program), sizes


def numbers(found: list[Exchange]) -> int:
    """In all arrays that are exchanged; scalars, the means of losses, are not counted."""
    return sum(e.times * math.prod(shape) for e in found for _, shape in e.arrays if shape)


def assert_only_sums(found: list[Exchange]):
    assert {e.kind for e in found} == {"all-reduce"}
    assert {dtype for e in found for dtype, _ in e.arrays} == {"f32"}


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        *(pytest.param(n, 4, marks=() if n in FIRST else pytest.mark.slow) for n in GAMES),
        *(pytest.param("penalty", n, marks=pytest.mark.slow) for n in (2, 8)),
    ],
)
def test_pmap_reduces_owned_gradients_once_a_move_statistics_and_scalars(name, devices):
    make, moves, statistics = GAMES[name]
    found, sizes = counted(make(loop={"devices": devices, "placement": "pmap"}))
    assert_only_sums(found)
    owned = sum(moves[network] * sizes[network] for network in moves)
    assert numbers(found) == owned + statistics * NORM
    if not statistics:
        assert [e.times for e in found] == [1, 1]  # all that a move has to tell, at once


@pytest.mark.parametrize("devices", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 8))])
def test_jit_reduces_owned_gradients_and_nothing_else(devices):
    """XLA sums the gradients over the devices where they arise: the critic's for real and for
    generated images apart, each once. Its compilers for GPU and TPU then add before they reduce
    (all-reduce-reassociate), so that there is one all-reduce a move; CPU's has no such pass.
    """
    found, sizes = counted(plain(loop={"devices": devices}))
    assert_only_sums(found)
    assert numbers(found) == 2 * sizes["disc"] + sizes["gen"]
    assert [e.times for e in found] == [1, 1]


@pytest.mark.parametrize("devices", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 8))])
def test_a_fully_sharded_state_gathers_parameters_once_a_move_and_reduces_gradients(devices):
    """Both networks are gathered in either player's move, at most; no activation is sent."""
    found, sizes = counted(plain(loop={"devices": devices, "sharding": "full"}))
    assert {e.kind for e in found} == {"all-reduce", "all-gather"}
    gathered = numbers([e for e in found if e.kind == "all-gather"])
    reduced = numbers([e for e in found if e.kind == "all-reduce"])
    assert sizes["disc"] < gathered <= 2 * (sizes["disc"] + sizes["gen"])
    assert reduced == 2 * sizes["disc"] + sizes["gen"]


SETS = {  # of a fixed count, whose order is a walk that ends when all rows are done
    "arrays": (lambda: from_arrays(np.zeros((50, 8, 8, 1), np.uint8), np.arange(50) % 10), "label"),
    "sprites": (lambda: sprites(size=16), "shape"),
    "products": (lambda: products(16, examples=50), "hue"),
}


@pytest.mark.parametrize("name", SETS)
def test_each_device_orders_its_own_rows_of_the_data_and_asks_no_other(name):
    """A round's batches on four devices are those of one."""
    make, column = SETS[name]
    source, size = make().only((column,)), 16

    def batches(devices):
        def program(state, held, key, rows):
            moves = jnp.arange(3)
            made = jax.vmap(lambda m: source.batch(held, key, m, m, rows, size)[column])(moves)
            return made, jnp.zeros(())

        place = placement.by_name("jit", devices, "full")  # so that what is made stays where it is
        held = place.put(source.fetch("train", 0, 0, 1, size), resident=True)
        key = jax.random.key(0)
        like, _ = jax.eval_shape(program, None, held, key, jnp.arange(size))
        state = jax.device_put(jnp.zeros(like.shape, like.dtype), place.state_sharding(like))
        compiled = place.compile(program, state, held, key, size, resident=True)
        assert not [kind for kind in KINDS if kind in compiled.executable.as_text()]
        return np.asarray(compiled.run(state, held, key)[0])

    np.testing.assert_array_equal(batches(4), batches(1))


def test_where_rows_do_not_divide_each_device_orders_all():
    key, count = jax.random.key(0), 10
    place = placement.by_name("jit", 4)
    ordered = place.step(lambda rows, _: shuffled(key, rows, count))
    for rows in (jnp.arange(15), jnp.arange(16)):
        np.testing.assert_array_equal(jax.jit(ordered)(rows, 0), shuffled(key, rows, count))


@pytest.mark.parametrize(
    ("name", "uses"),
    [
        pytest.param("norms", 2, marks=pytest.mark.slow),
        pytest.param("penalty", 3, marks=pytest.mark.slow),
        ("vae", 1),
    ],
)
def test_jit_reduces_no_more_than_each_use_of_a_network(name, uses):
    """A critic is used on real and on generated images, and in the penalty; the running averages
    of statistics cost nothing here.
    """
    make, moves, statistics = GAMES[name]
    found, sizes = counted(make(loop={"devices": 4}))
    assert_only_sums(found)
    most = sum(moves[n] * sizes[n] * (uses if n == "disc" else 1) for n in moves)
    assert most / uses <= numbers(found) <= most + statistics * NORM


def test_loops_count_as_often_as_they_turn():
    program = """
%body (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0)
  ROOT %sum = (f32[8]{0}, f32[]) all-reduce(%x, %s), replica_groups={{0,1}}, to_apply=%add
}

%outer (x: f32[8]) -> f32[8] {
  ROOT %w = f32[8]{0} while(%x), body=%body, backend_config={"known_trip_count":{"n":"3"}}
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %w = f32[8]{0} while(%x), body=%outer, backend_config={"known_trip_count":{"n":"2"}}
  ROOT %all = bf16[4,8]{1,0} all-gather(%w), dimensions={0}
}
"""
    one, other = exchanges(program)
    assert one == Exchange("all-reduce", (("f32", (8,)), ("f32", ())), 6) and one.bytes == 36
    assert other == Exchange("all-gather", (("bf16", (4, 8)),), 1) and other.bytes == 64
    with pytest.raises(ValueError, match="loop whose length is not known"):
        exchanges(program.replace("known_trip_count", "unknown"))


CLUSTER, ROUND = Machine(1e14, 4e11, 5e10, 8, 1e-5), Work(1e12, 1e7, 40)


@pytest.mark.parametrize(("weak", "overlap"), [*itertools.product((True, False), repeat=2)])
def test_the_model_of_scaling_has_its_limits(weak, overlap):
    """1 alone and on perfect links; falling with devices, rising with links and with overlap."""

    def at(devices, machine=CLUSTER, overlap=overlap):
        return efficiency(ROUND, machine, devices, weak, overlap)

    assert at(1) == 1
    perfect = CLUSTER._replace(inside=math.inf, across=math.inf, latency=0.0)
    falling = [at(2**n) for n in range(13)]
    assert all(0 < b < a <= 1 for a, b in itertools.pairwise(falling))
    for devices in (2, 8, 16, 4096):
        assert at(devices, perfect) == 1
        assert at(devices, CLUSTER._replace(latency=0.0)) > at(devices)
        assert at(devices, overlap=True) >= at(devices, overlap=False)


def test_the_model_by_hand():
    """16 devices on two hosts: 15/8 of 10 MB over 50 GB/s, 40 x 8 messages; 10 ms of arithmetic."""
    slow = 15 / 8 * 1e7 / 5e10 + 40 * 8 * 1e-5
    assert efficiency(ROUND, CLUSTER, 16, True, False) == pytest.approx(0.01 / (0.01 + slow))

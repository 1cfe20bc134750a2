import jax
import jax.numpy as jnp
import numpy as np
from jax import random
from jax.sharding import SingleDeviceSharding

from genlab.checkpoint import Checkpoints, shapes
from genlab.game import State


def state(step):
    return State(
        jnp.int32(step), random.key(step), {"net": {"w": jnp.full((4, 4), step)}}, {}, {}, {}
    )


def like(value):
    device = SingleDeviceSharding(jax.devices()[0])
    return shapes(value, jax.tree.map(lambda _: device, value))


def test_the_newest_and_the_best_are_both_kept(tmp_path):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step, score in ((1, 5.0), (2, 1.0), (3, 4.0), (4, 3.0), (5, None)):
            checkpoints.save(step, state(step), score)
            checkpoints.wait()
        assert checkpoints.steps == [2, 4, 5]
        assert checkpoints.best == 2
        step, restored = checkpoints.restore(like(state(0)))
        assert step == 5 and restored.params["net"]["w"][0, 0] == 5
        step, restored = checkpoints.restore(like(state(0)), checkpoints.best)
        assert step == 2 and restored.params["net"]["w"][0, 0] == 2


def test_the_best_may_be_the_highest(tmp_path):
    with Checkpoints(tmp_path, keep=1, higher=True) as checkpoints:
        for step, score in ((1, 5.0), (2, 1.0), (3, 4.0)):
            checkpoints.save(step, state(step), score)
            checkpoints.wait()
        assert checkpoints.steps == [1, 3] and checkpoints.best == 1


def test_a_new_process_sees_what_was_saved_key_included(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore(like(state(0))) is None
        checkpoints.save(7, state(7))
    with Checkpoints(tmp_path) as checkpoints:
        _, restored = checkpoints.restore(like(state(0)))
    assert isinstance(restored, State)
    np.testing.assert_array_equal(random.key_data(restored.key), random.key_data(random.key(7)))


def test_saving_twice_and_donating_at_once_are_harmless(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        first = state(1)
        checkpoints.save(1, first)
        bump = jax.jit(
            lambda s: s.replace(params=jax.tree.map(lambda x: x + 99, s.params)), donate_argnums=0
        )
        bump(first)
        checkpoints.save(1, state(1))
        checkpoints.wait()
        _, restored = checkpoints.restore(like(state(0)))
    assert restored.params["net"]["w"][0, 0] == 1

"""What benchmarks count, with the newest libraries too: accelerators often have newer ones."""

import importlib
from pathlib import Path

import pytest

from genlab.train.program import prepare

ROOT = Path(__file__).parents[1]


def test_flops_of_a_round_are_those_of_its_products(monkeypatch, tmp_path):
    """What is compared with PyTorch's count before anything is timed: two for each weight and
    example in a pass, as many to its inputs and as many to its weights, where anything asks.
    """
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    games, made = (importlib.import_module(name) for name in ("games", "against_pytorch"))
    training = prepare(games.digits(tmp_path, "ns-gan"))
    found = made.flops(training, training.init(), training.fetch(0, 1))
    generator, critic = [32 * 256, 256 * 256, 256 * 64], [64 * 256, 256 * 256, 256]
    g, d = sum(generator), sum(critic)
    critic_move = g + 2 * (3 * d - critic[0])  # of the real and the fake
    generator_move = (3 * g - generator[0]) + 2 * d
    assert found == pytest.approx(2 * 64 * (critic_move + generator_move), rel=1e-6)

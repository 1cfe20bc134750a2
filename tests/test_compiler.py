"""Options are those that this XLA takes; numbers do not need them."""

import jax
import pytest

from genlab.runtime import compiler


@pytest.fixture
def forget():
    """Options are asked for once; here again for each case, and after the last."""
    yield compiler.options.cache_clear
    compiler.options.cache_clear()


@pytest.mark.parametrize(
    ("option", "value", "flags", "kept"),
    [
        ("xla_of_tomorrow", "1", "", False),
        ("xla_cpu_enable_fast_math", "perhaps", "", False),
        ("xla_cpu_enable_fast_math", False, "", True),
        ("xla_cpu_enable_fast_math", False, "--xla_cpu_enable_fast_math=false", False),
    ],
)
def test_options_are_those_this_xla_knows_and_the_user_has_not_set(
    option, value, flags, kept, monkeypatch, forget
):
    monkeypatch.setattr(compiler, "OPTIONS", {"cpu": {option: value}})
    monkeypatch.setenv("XLA_FLAGS", flags)
    forget()
    assert compiler.options("cpu") == ({option: value} if kept else {})
    assert compiler.options("tpu") == {}
    assert compiler.jit(lambda x: x + 1)(1.0) == 2


def test_whole_programs_take_them_and_parts_of_one_do_not(monkeypatch, forget):
    monkeypatch.setattr(compiler, "OPTIONS", {"cpu": {"xla_cpu_enable_fast_math": False}})
    forget()
    double = compiler.jit(lambda x: 2 * x)
    assert double(2.0) == 4
    with pytest.raises(ValueError, match="compiler_options"):
        jax.jit(lambda x: double(x) + 1)(2.0)

"""Eight virtual devices, no silent broadcasting between ranks, caches of the run's own; compiled
programs alone are kept from run to run, in $GENLAB_TEST_PROGRAMS or ~/.cache/genlab-tests/xla.

The suite's time is compilation. OPTIONS leave out what makes programs fast and compiling slow:
LLVM's optimiser and XLA's MLIR emitters of fusions, together two thirds of it, and the splitting
of modules over cores. What tests start is compiled so too. XLA_FLAGS in the environment, also an
empty one for what users get, takes their place.
"""

import contextlib
import ctypes
import functools
import gc
import importlib
import importlib.util
import mmap
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PROGRAMS = Path(
    os.environ.get("GENLAB_TEST_PROGRAMS") or Path.home() / ".cache" / "genlab-tests" / "xla"
)
KEPT = 14 * 86400
WORTH = 0.02  # seconds of compiling that a file is worth: most programs of one operation take less
LIMIT = 2 << 30  # bytes that a worker may hold at its highest
HELD = 6 << 28  # bytes at which compiled programs are dropped: 1.5 GiB


@functools.cache
def known(flag: str) -> bool:
    """Whether this jaxlib knows an option of XLA, which ends the process over one it does not."""
    found = importlib.util.find_spec("jaxlib")
    library = Path(found.origin if found and found.origin else "").with_name("libjax_common.so")
    if not library.is_file():
        return False
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return text.find(flag.encode() + b"\0") >= 0


OPTIONS = {
    "xla_backend_optimization_level": "0",
    "xla_cpu_use_fusion_emitters": "false",
    "xla_cpu_parallel_codegen_split_count": "1",  # a worker has one core
}
if "XLA_FLAGS" not in os.environ:  # workers have those of the process that starts them
    told = [f"--{name}={value}" for name, value in OPTIONS.items() if known(name)]
    os.environ["XLA_FLAGS"] = " ".join(told)
os.environ["JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES"] = "none"  # their path would be in each key


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """What tests train and score stays out of the user's cache."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    if not (folder / "xla").is_symlink():
        with contextlib.suppress(FileExistsError):  # another worker did
            (folder / "xla").symlink_to(PROGRAMS)
    os.environ["GENLAB_CACHE"] = str(folder)
    import jax

    jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))
    return folder


@pytest.fixture(scope="session", autouse=True)
def costs():
    """A game that many tests play is counted (`cost.json`) once in a process: to count is to trace
    and to lower every move once more, a quarter of the seconds of a short run.
    """
    from genlab.train import cost, loop

    counted = {}

    def once(training):
        game = {k: v for k, v in training.config.items() if k not in ("loop", "seed", "evaluate")}
        key = repr((game, training.moves, cost.counter()))
        if key not in counted:
            counted[key] = cost.cost(training)
        return dict(counted[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "cost", once)
        yield


@pytest.fixture(scope="module")
def kept():
    """A game that a module plays many times is traced and compiled once in it: one program that
    begins it, and one for each place and number of rounds, whatever the seed, its length and its
    evaluators are.
    """
    import jax

    from genlab.runtime import compiler, placement
    from genlab.train import program

    told = ("seed", "evaluate", "title", "recalibrate")
    trace, make = program.Training.trace, program.Training.compile
    traced, made, begun = set(), {}, {}

    def game(training):
        found = {k: v for k, v in training.config.items() if k not in (*told, "loop")}
        return repr((found, training.place, training.moves))

    def once(training):
        if (key := game(training)) not in traced:
            trace(training)
            traced.add(key)

    def compiled(training, state, held, rounds):
        arrays = jax.tree.map(lambda x: (x.shape, x.dtype, x.sharding), (state, held))
        key = game(training), rounds, repr(arrays), repr(compiler.options("cpu"))
        if key not in made:
            made[key] = make(training, state, held, rounds)
        return made[key]

    def start(place, aside, first, *given):
        arrays = jax.tree.map(lambda x: (x.shape, x.dtype), given)
        key = game(first.__self__), repr(arrays)
        if key not in begun:
            shardings = place.state_sharding(jax.eval_shape(first, *given))
            begun[key] = jax.jit(first, out_shardings=shardings).lower(*given).compile()
        return lambda: begun[key](*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program.Training, "trace", once)
        patch.setattr(program.Training, "compile", compiled)
        patch.setattr(placement, "start", start)
        yield
    made.clear()
    begun.clear()


def resident() -> int:
    """The bytes this process holds now, or 0 where the system does not say."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * resource.getpagesize() if told.is_file() else 0


@contextlib.contextmanager
def made_as_users_are():
    """Programs made with XLA's emitters of fusions, as users' are: without them the last bit of a
    round may depend on how many rounds a program plays.
    """
    from genlab.runtime import compiler

    found = compiler.options("cpu")
    if known("xla_cpu_use_fusion_emitters"):
        found = {**found, "xla_cpu_use_fusion_emitters": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "options", lambda platform: found)
        yield


@pytest.fixture(scope="session")
def emitting():
    """A context in which programs are made as users' are, for what a module shares."""
    return made_as_users_are


@pytest.fixture
def emitters():
    """Programs of one test, made as users' are."""
    with made_as_users_are():
        yield


DRAWN: dict[str, dict] = {}  # of modules that draw: their generators' state once imported


def pytest_itemcollected(item):
    if isinstance(rng := getattr(item.module, "RNG", None), np.random.Generator):
        DRAWN.setdefault(item.module.__name__, rng.bit_generator.state)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """A test draws from its module's RNG the same numbers whatever was played before it."""
    if item.module.__name__ in DRAWN:
        item.module.RNG.bit_generator.state = DRAWN[item.module.__name__]


@pytest.fixture(autouse=True)
def programs():
    """Compiled programs are dropped, and their memory is given back, once they take much room; on
    disk none is kept that is compiled in less time than it is written and read.
    """
    import jax

    jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH)  # `main` sets another
    yield
    if resident() > HELD:
        jax.clear_caches()
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # glibc's alone
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def highest() -> int:
    """The bytes this process has held at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def pytest_configure(config):
    config.highest = {}
    worker = hasattr(config, "workerinput")
    if not worker:
        forget(PROGRAMS)
    if worker:
        compile_apart(config.workerinput["workerid"])
    if worker or not config.getoption("numprocesses", 0):
        start_jax()


APART = (
    ("jax", "flax.nnx", "optax", "orbax.checkpoint"),
    ("scipy.stats", "scipy.ndimage", "sklearn.linear_model", "matplotlib.figure", "hypothesis",
     "skimage.metrics", "fastapi"),
)  # fmt: skip


def compile_apart(worker: str) -> None:
    """In a fresh environment, whose libraries are no bytecode yet, workers begin with unlike ones:
    what one has compiled and written the other reads.
    """
    found = importlib.util.find_spec("jax")
    if found is None or not found.origin or sys.dont_write_bytecode:
        return
    if not os.path.exists(importlib.util.cache_from_source(found.origin)):
        for name in APART[int(worker.removeprefix("gw")) % len(APART)]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def start_jax() -> None:
    """In a process that runs tests; one that only hands them out does without JAX."""
    import jax

    gc.set_threshold(100_000)  # as the launcher does
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


def forget(folder: Path) -> None:
    """Removes programs that no run has read or written for KEPT seconds."""
    for file in folder.glob("*-cache"):
        with contextlib.suppress(FileNotFoundError):  # another run of the suite did
            found = file.stat()
            if time.time() - max(found.st_atime, found.st_mtime) > KEPT:
                file.unlink()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """A worker has ended and says what it held."""
    output = getattr(node, "workeroutput", {})
    node.config.highest[node.gateway.id] = output.get("highest", 0)


def pytest_sessionfinish(session):
    """The run fails where a worker held more than LIMIT."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["highest"] = highest()
        return
    config.highest = config.highest or {"this process": highest()}
    if max(config.highest.values()) > LIMIT and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    held = ", ".join(f"{name} {n / 2**30:.2f}" for name, n in sorted(config.highest.items()))
    over = max(config.highest.values(), default=0) > LIMIT
    terminalreporter.write_line(
        f"memory at its highest, GiB: {held}" + (f"; over the limit of {LIMIT >> 30}" * over),
        red=over,
    )

"""Pictures drawn in the course of training."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import random

from genlab.data import provenance
from genlab.data.pictures import enlarged, headed, write_png
from genlab.data.sources import Readable
from genlab.game import Method, State
from genlab.game.abilities import Generates, Reconstructs, Translates, can
from genlab.runs.folder import RunFolder
from genlab.runtime import compiler
from genlab.sampling.batch_norm import evaluation_variables
from genlab.sampling.conditions import held_out, loaded, spread
from genlab.sampling.sampler import Sampler, as_batch, column_names, grid_columns

GRID = 64  # pictures in a grid of samples
POINTS = 2500  # points in a density plot
ROW = 16  # pictures in a row that has given or reconstructed ones above or below it
STREAM = 77  # latents of pictures, apart from training's and evaluation's


def stages(experiment, run: RunFolder) -> Callable[[int, State], None]:
    """A hook that draws the same latents at successive rounds, and reconstructions where there are
    any. Pictures that the method is given stand above those it makes of them. One that only
    translates draws held-out examples over their translations.
    """
    method, source = experiment.method, experiment.data
    if not can(method, Generates) and can(method, Translates):
        return translations(experiment, run)
    if not can(method, Generates):
        return reconstructions(experiment, run)
    column, columns = source.columns[method.makes], grid_columns(method, source)
    sampler, seen = Sampler(method, source), given_pictures(method, source)
    square = POINTS if len(column.shape) == 1 else 6 * columns if columns else GRID
    count = ROW if seen else square
    z = method.latents(random.fold_in(random.key(experiment.seed), STREAM), count)
    stored, names = spread(method, source, count), column_names(method, source)
    rebuild = reconstructor(method, source)

    def draw(step: int, state: State) -> None:
        params, stats = _on_one_device(evaluation_variables(experiment, state))
        made = sampler(params, stats, z, loaded(source, stored))
        sheet = with_names(run, column.draw(made, columns), names)
        if seen and stored and len(column.shape) == 3:
            above = [(source.columns[name], stored[name]) for name in seen]
            sheet = in_rows([*above, (column, made)])
        place, what = run.path / "samples", provenance.about(run.path, step, "genlab train", {})
        write_png(place / f"{step:06d}.png", sheet, what)
        if rebuild:
            write_png(place / f"reconstructions_{step:06d}.png", rebuild(params, stats), what)

    return draw


def translations(experiment, run: RunFolder) -> Callable[[int, State], None]:
    """A hook that draws held-out examples, the pictures given with them, and what the method makes
    of the examples under what is given.
    """
    method, source = experiment.method, experiment.data
    column, stored = source.columns[method.makes], source.read(held_out(source), ROW)
    given = spread(method, source, len(stored[method.makes]))
    x = column.load(jnp.asarray(stored[method.makes]))
    translate = compiler.jit(
        lambda params, stats, x, cond: method.translate(params, stats, x, cond)
    )

    def draw(step: int, state: State) -> None:
        params, stats = _on_one_device(evaluation_variables(experiment, state))
        made = column.store(np.asarray(translate(params, stats, x, loaded(source, given))))
        seen = {method.makes: stored[method.makes]}
        seen |= {name: (given or {})[name] for name in given_pictures(method, source)}
        rows = [(source.columns[name], values) for name, values in seen.items()]
        what = provenance.about(run.path, step, "genlab train", {})
        sheet = in_rows([*rows, (column, made)])
        write_png(run.path / "samples" / f"{step:06d}.png", sheet, what)

    return draw


def reconstructions(experiment, run: RunFolder) -> Callable[[int, State], None]:
    """`stages` of a method that has no samples."""
    rebuild = reconstructor(experiment.method, experiment.data)

    def draw(step: int, state: State) -> None:
        if rebuild:
            params, stats = _on_one_device(evaluation_variables(experiment, state))
            path = run.path / "samples" / f"reconstructions_{step:06d}.png"
            what = provenance.about(run.path, step, "genlab train", {}, changed=True)
            write_png(path, rebuild(params, stats), what)

    return draw


def with_names(run: RunFolder, sheet: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A grid with the names of its columns above them, if there are any; without where the run has
    drawn its grids so, as earlier versions did: stages of one run are alike.
    """
    from PIL import Image

    for path in run.path.glob("samples/[0-9]*.png") if names else ():
        with contextlib.suppress(OSError), Image.open(path) as before:  # one may be damaged
            names = names if before.height != len(sheet) else ()
    return headed(sheet, names) if names else sheet


def given_pictures(method: Method, source: Readable) -> list[str]:
    """The columns given that are like pictures."""
    return [name for name in method.given if len(source.columns[name].shape) == 3]


def in_rows(rows: Sequence[tuple[Any, np.ndarray]]) -> np.ndarray:
    """Rows of `ROW` pictures, (column, values), below one another; smaller ones are enlarged."""
    height, width = (max(values.shape[axis] for _, values in rows) for axis in (1, 2))
    return stacked([column.draw(enlarged(x, height, width), ROW) for column, x in rows])


def stacked(sheets: list[np.ndarray]) -> np.ndarray:
    """Pictures of one width below one another, grey ones in as many channels as the others."""
    channels = max(sheet.shape[-1] for sheet in sheets)
    wide = [np.broadcast_to(s, (*s.shape[:2], channels)) if s.shape[-1] == 1 else s for s in sheets]
    return np.concatenate(wide, axis=0)


def reconstructor(method: Method, source: Readable) -> Callable | None:
    """`(params, stats) -> picture` of held-out examples over their reconstructions; None for a
    method that does not reconstruct.
    """
    if not isinstance(method, Reconstructs):
        return None
    rebuild = compiler.jit(
        lambda params, stats, x, cond: method.reconstruct(params, stats, x, cond)
    )
    column = source.columns[method.makes]

    def draw(params: dict, stats: dict) -> np.ndarray:
        stored = source.read(held_out(source), ROW)
        x, cond = as_batch(stored, method, source)
        again = column.store(np.asarray(rebuild(params, stats, x, cond)))
        return column.draw(np.concatenate([stored[method.makes][:ROW], again]), ROW)

    return draw


def _on_one_device(tree):
    """A state's arrays whole on the first device, whatever placement they came from."""
    return jax.tree.map(lambda x: jax.device_put(np.asarray(x), jax.devices()[0]), tree)

"""Networks written in Flax NNX: `spec(nnx_module, "mine:Trunk", width=64)` stands wherever the
trunk of a role does.

As Flax's own `nnx.bridge.ToLinen` it makes the module anew in each call and gives it the variables
held. It differs where that would go wrong in silence: random streams that are not named get a seed
of their own instead of 0, places in an `nnx.List` are text, as in a checkpoint, and arrays of a
module that are no `nnx.Variable` are kept as they were initialised.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import flax.linen as nn
import jax
from flax import nnx
from flax.traverse_util import unflatten_dict
from jax import Array, lax, random

from genlab.config import ConfigError, did_you_mean, resolve
from genlab.nets.conditions import Conditions
from genlab.nets.frozen import FROZEN
from genlab.nets.layers.norms import refuse_one_row
from genlab.runtime import collectives

CALLED_WITH = ("cond", "train")  # what a call takes beside x, where it has arguments of these names


def nnx_module(module: str, **kwargs: Any) -> "FromNNX":
    """The NNX class `module`, "package.module:Class", as a trunk: made with `kwargs` and, where it
    takes it, `rngs`; called with x and, where it takes them, `cond` and `train`.

    Raises ConfigError for what is no class of NNX modules, for arguments that it does not take or
    lacks, and for a call that does not fit.
    """
    made = resolve(module) if isinstance(module, str) else module
    if not (inspect.isclass(made) and issubclass(made, nnx.Module)):
        linen = inspect.isclass(made) and issubclass(made, nn.Module)
        advice = "a linen module is given by itself, spec(Trunk, ...)" if linen else "name a class"
        raise ConfigError(f"{module!r} is no class of nnx.Module: {advice}")
    _refuse_arguments(module, made, kwargs)
    _refuse_call(module, made)
    return FromNNX(made, kwargs)


class FromNNX(nn.Module):
    """An NNX module of class `module` as a linen trunk.

    `nnx.Param`s are its parameters, every other variable is a statistic of the game: BatchNorm's in
    the collection "batch_stats". `train` sets the mode of every layer, by the module's own
    `train()` or `eval()`. All random streams, dropout's too, are of the step's key. Under `pmap`
    every `nnx.BatchNorm` is over the rows of all devices, whatever `axis_name` it was made with;
    other layers see the rows of their device.
    """

    module: type
    kwargs: Mapping[str, Any]

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """What the module gives for `x`.

        Raises ConfigError where that is no array, where a variable is of a subclass of `nnx.Param`,
        where layers draw random numbers and the method gives no key, and for BatchNorm over one row
        in training.
        """
        module = self._made()
        if self.is_initializing():
            self._keep(module)
        else:
            self._restore(module)
            self._refuse_no_key(module, train)
        given = {"cond": cond, "train": train}
        taken = _parameters(_call_of(self.module))
        given = {name: value for name, value in given.items() if name in taken}
        out = _called(module, x, given, train, checked=not self.is_initializing())
        if not isinstance(out, jax.Array):
            raise ConfigError(
                f"{self.module.__name__} gave a {type(out).__name__}; a trunk gives one array"
            )
        if not self.is_initializing():
            self._keep(module)
        return out

    def _made(self) -> nnx.Module:
        """The module with variables that are still to be replaced by those held."""
        stream = "params" if self.is_initializing() else "dropout"
        key = self.make_rng(stream) if self.has_rng(stream) else random.key(0)
        rngs = {"rngs": nnx.Rngs(key)} if "rngs" in _parameters(self.module.__init__) else {}
        return self.module(**self.kwargs, **rngs)

    def _keep(self, module: nnx.Module) -> None:
        """Stores every variable in its collection; once initialised those that may change."""
        found: dict[str, dict] = {}
        for path, leaf in _state(module):
            value = leaf.get_value() if isinstance(leaf, nnx.Variable) else leaf
            found.setdefault(_collection(leaf), {})[tuple(map(str, path))] = value
        for kind, values in found.items():
            if self.is_mutable_collection(kind) and (kind != FROZEN or self.is_initializing()):
                for name, tree in unflatten_dict(values).items():
                    self.put_variable(kind, name, tree)

    def _restore(self, module: nnx.Module) -> None:
        """Gives the module the variables that are held."""
        held = {}
        for path, leaf in _state(module):
            first, *inner = map(str, path)
            held[path] = reduce(
                lambda tree, name: tree[name], inner, self.get_variable(_collection(leaf), first)
            )
        nnx.update(module, nnx.from_flat_state(held))

    def _refuse_no_key(self, module: nnx.Module, train: bool) -> None:
        draws = jax.tree.leaves(nnx.state(module, nnx.RngState))
        if train and draws and not self.has_rng("dropout"):
            raise ConfigError(
                f"{self.module.__name__} draws random numbers in training, and the method applies "
                "it without a key: game.apply(..., key=key)"
            )


def _called(module: Any, x: Array, given: Mapping[str, Any], train: bool, checked: bool) -> Any:
    """`module(x, **given)` in its mode, BatchNorm over all devices; `checked` for two rows or more.

    nnx.BatchNorm cuts the gradient of a running statistic r after r -> m r + (1 - m) b, from which
    recalibration reads m: m (r - r), with the gradient m, puts it back and changes no bit.
    """
    module.train() if train else module.eval()
    norms = [one for _, one in nnx.iter_modules(module) if isinstance(one, nnx.BatchNorm)]
    before = [(one.mean.get_value(), one.var.get_value()) for one in norms]
    calls = [_watched(one, train and checked) for one in norms]
    out = module(x, **given)
    for one, held, times in zip(norms, before, calls, strict=True) if train else ():
        for statistic, r in zip((one.mean, one.var), held, strict=True):
            statistic[...] += one.momentum ** len(times) * (r - lax.stop_gradient(r))
    return out


def _watched(norm: nnx.BatchNorm, checked: bool) -> list[tuple[int, ...]]:
    """The shapes that a layer will be called with: each call promotes its types once."""
    promote, shapes = norm.promote_dtype, []

    def promoted(values, *args, **kwargs):
        shapes.append(values[0].shape)
        if checked:
            refuse_one_row("nnx.BatchNorm", values[0].size // norm.num_features)
        return promote(values, *args, **kwargs)

    norm.axis_name, norm.promote_dtype = collectives.axis(), promoted
    return shapes


def _state(module: nnx.Module) -> list[tuple[tuple, Any]]:
    """Variables and arrays of a module by their paths, but for its random streams."""
    return list(nnx.to_flat_state(nnx.state(module, nnx.Not(nnx.RngState))))


def _collection(leaf: Any) -> str:
    """The linen collection of a variable; what is an array and no variable never changes."""
    if not isinstance(leaf, nnx.Variable):
        return FROZEN
    if isinstance(leaf, nnx.Param) and type(leaf) is not nnx.Param:
        raise ConfigError(
            f"{type(leaf).__name__} is a subclass of nnx.Param: what is trained are variables of "
            "nnx.Param itself"
        )
    return nnx.variable_name_from_type(type(leaf), allow_register=True)


def _parameters(fn: Callable) -> dict[str, inspect.Parameter]:
    """The parameters of a method but `self`; none of `object`'s own."""
    found = {} if fn is object.__init__ else dict(inspect.signature(fn).parameters)
    return dict(list(found.items())[1:])


def _call_of(made: type) -> Callable:
    """A class's `__call__`, which by attribute would be that of the class itself."""
    found = (vars(one)["__call__"] for one in made.__mro__ if "__call__" in vars(one))
    call = next(found, None)
    if call is None:
        raise ConfigError(f"{made.__name__} has no __call__: a trunk is called with x")
    return call


def _refuse_arguments(name: str, made: type, kwargs: Mapping[str, Any]) -> None:
    taken = _parameters(made.__init__)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    for given in kwargs:
        if given == "rngs" or (given not in taken and not open_ended):
            advice = "; it is made from the run's key" if given == "rngs" else ""
            hint = advice or did_you_mean(given, taken)
            raise ConfigError(f"{name} takes no argument {given!r}{hint}")
    for wanted, parameter in taken.items():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if parameter.default is parameter.empty and not variable:
            if wanted != "rngs" and wanted not in kwargs:
                raise ConfigError(f"{name} needs `{wanted}`, which was not given")


def _refuse_call(name: str, made: type) -> None:
    first, *others = _parameters(_call_of(made)).values() or (None,)
    wrong = [
        p.name
        for p in others
        if p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        and p.name not in CALLED_WITH
    ]
    if first is None or first.kind in (first.KEYWORD_ONLY, first.VAR_KEYWORD) or wrong:
        raise ConfigError(
            f"{name} is called {inspect.signature(_call_of(made))}; a trunk is called with x and, "
            "where it has arguments of these names, cond and train"
        )

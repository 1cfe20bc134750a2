"""Fine-tuning a trained GAN by a reward, as the config of a run that begins from it."""

from typing import Any

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import CALL, ConfigError, build, override, path_of, spec
from genlab.features.space import OfNetwork
from genlab.feedback.reward import Reward, named_features
from genlab.methods import GAN
from genlab.methods.gan.rewarded import rewarded
from genlab.nets import trained
from genlab.nets.linear_reward import LinearReward
from genlab.sampling.load import TrainedRun


def tuned(run: TrainedRun, reward: Reward, steps: int = 200, **settings: Any) -> ConfigDict:
    """The config of `steps` rounds more of a run's game, from the weights that `run` has, with the
    reward added: `genlab.fit(tuned(run, reward), "runs/tuned")`.

    settings: of `methods.gan.rewarded.rewarded`: weight, bound, budget, ...

    Raises ConfigError for a method other than GAN, and for a reward that is no network.
    """
    _of_gan(run)
    config = run.folder.config
    path, step = str(run.folder.path), run.step
    option = spec(rewarded, module(run, reward), spec(trained, path, "gen", step=step), **settings)
    others = [one for one in config.method.options if one[CALL] != path_of(rewarded)]
    begin = {name: {"run": path, "step": step} for name in ("gen", "disc")}
    changes = {
        "method.options": (*others, option),
        "begin": begin,
        "title": f"{config.title}, by a reward",
        "loop.steps": steps,
        "loop.best": "",
    }
    for field in ("log_every", "sample_every", "checkpoint_every", "evaluate_every"):
        changes[f"loop.{field}"] = min(config.loop[field], steps)
    for where, value in changes.items():
        override(config, where, value)
    return config


def module(run: TrainedRun, reward: Reward) -> ConfigDict:
    """The reward as the spec of a network: `nets.linear_reward.LinearReward` of a frozen reader.

    Raises ConfigError for features that are no network trained on the set.
    """
    found = _network(run, reward.features).network(
        config_lib.as_dict(run.folder.config), run.source
    )
    weights = tuple(float(x) for x in reward.weights)
    return spec(LinearReward, spec(trained, str(found.run), "net"), weights, float(reward.offset))


def check(run: TrainedRun, features: Any) -> None:
    """ConfigError where no reward in these features, a spec, could tune the run's generator."""
    _of_gan(run)
    _network(run, features)


def _of_gan(run: TrainedRun) -> None:
    if not isinstance(run.method, GAN):
        raise ConfigError(
            f"fine-tuning by a reward is of a GAN, and {run.folder.path} is of "
            f"{type(run.method).__name__}: select samples by the reward (`genlab sample --best-of`)"
        )


def _network(run: TrainedRun, features: Any) -> OfNetwork:
    built = build(features)
    if isinstance(built, OfNetwork):
        return built
    known = named_features(run).items()
    names = [name for name, one in known if isinstance(build(one), OfNetwork)]
    offer = f"give --features={' or --features='.join(names)}"
    if not names:
        offer = (
            "fit the reward in Python, with features=spec(Factors, trunk) or spec(Domain, trunk)"
        )
    raise ConfigError(
        "a generator is fine-tuned through the features of a reward, and "
        f"{type(built).__name__} is no network trained on the set: {offer}"
    )

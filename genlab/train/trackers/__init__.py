"""Trackers: where else a run's numbers, pictures and settings go while it trains."""

from genlab.train.trackers.mlflow import MLflow
from genlab.train.trackers.mlperf import MLPerf
from genlab.train.trackers.protocol import About, Sink, Staged, Tracker
from genlab.train.trackers.tensorboard import TensorBoard
from genlab.train.trackers.wandb import WandB

__all__ = ["About", "MLPerf", "MLflow", "Sink", "Staged", "TensorBoard", "Tracker", "WandB"]

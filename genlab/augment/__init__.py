"""Random changes of examples: `image` for training data; views for all that a critic receives.

A view is what a factory such as `diff_augment()` returns: `(x [B, H, W, C], key, step) -> x`,
random for each example and differentiable in x, so that gradients reach the generator. Noise
also takes points [B, D]. A factory's numbers may be tracers. A view with a memory is a
`CarriedView`.
"""

from genlab.augment.ada import CarriedView, adaptive, augment_pipe
from genlab.augment.diffaugment import diff_augment
from genlab.augment.noise import instance_noise

__all__ = ["CarriedView", "adaptive", "augment_pipe", "diff_augment", "instance_noise"]

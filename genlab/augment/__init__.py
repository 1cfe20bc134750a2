"""Random changes of examples: `image` for training data, the others for all that a critic receives.

A critic's augmentation is what a factory such as `diff_augment()` returns:
`(x [B, H, W, C], key, step) -> x`, random for each example and differentiable in x, so that
gradients reach the generator. Noise also takes points [B, D]. A factory's numbers may be tracers.
One with a memory is a `StatefulAugmentation`.
"""

from genlab.augment.ada import StatefulAugmentation, adaptive, augment_pipe
from genlab.augment.diffaugment import diff_augment
from genlab.augment.noise import instance_noise

__all__ = ["StatefulAugmentation", "adaptive", "augment_pipe", "diff_augment", "instance_noise"]

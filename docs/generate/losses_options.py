"""The options of a game that docs/losses.md lists, each with a line of config and a test."""

from typing import NamedTuple

from losses_entries import NONE, OF_HEADS

from genlab import augment
from genlab.game import dynamics, optim
from genlab.losses import regularisers
from genlab.methods.gan import options, terms
from genlab.nets import heads, layers
from genlab.nets.heads import contrast
from genlab.nets.layers import minibatch, spectral
from genlab.sampling import batch_norm

NAMES = """\
import optax
from genlab import spec
from genlab.game.dynamics import balanced, consensus, extragradient, simultaneous, unrolled
from genlab.losses import adversarial
from genlab.methods.gan.options import generator_batch, latent_step, packed, pooled, smoothed, top
from genlab.methods import Comparison
from genlab.nets import Discriminator, Generator, Maps, Translator, dcgan, heads, layers, minibatch
from genlab.nets import mlp, patchgan, spectral, unet
from genlab.game.optim import clip_weights, historical_averaging, ramped
from genlab.augment import adaptive, augment_pipe, diff_augment, instance_noise
"""
"""What a line of config may name without importing it."""


class Option(NamedTuple):
    """config: a line of one; of: the text with its source; test: "file::name"; peers: as above."""

    name: str
    config: str
    of: str
    test: str
    peers: str


OPTIONS = (
    Option(
        "TAC-GAN",
        'objective=spec(adversarial.conditional, base="hinge"), '
        + OF_HEADS.format('spec(heads.TwinClassifier, "label")'),
        heads.TwinClassifier.__doc__,
        "losses/test_conditional.py::test_value_and_gradient_in_the_features_equal_the_oracle",
        "StudioGAN, its newer worker; an older one adds the generator's part to the critic's loss",
    ),
    Option(
        "ADC-GAN",
        'objective=spec(adversarial.conditional, base="hinge"), '
        + OF_HEADS.format('spec(heads.DiscriminativeClassifier, "label")'),
        heads.DiscriminativeClassifier.__doc__,
        "losses/test_conditional.py::test_value_and_gradient_in_the_features_equal_the_oracle",
        "StudioGAN",
    ),
    Option(
        "ContraGAN (2C)",
        'objective=spec(adversarial.conditional, base="hinge"), '
        + OF_HEADS.format('spec(heads.ClassContrast, "label")'),
        contrast.class_contrast.__doc__,
        "losses/test_conditional.py::test_value_and_gradient_in_the_features_equal_the_oracle",
        "StudioGAN",
    ),
    Option(
        "ReACGAN (D2D-CE)",
        'objective=spec(adversarial.conditional, base="hinge"), '
        + OF_HEADS.format('spec(heads.DataToData, "label", weight=0.5)'),
        contrast.data_to_data.__doc__,
        "losses/test_conditional.py::test_value_and_gradient_in_the_features_equal_the_oracle",
        "StudioGAN (subtracts the largest similarity from the negatives' exponents alone, which is "
        "another loss than the paper's)",
    ),
    Option(
        "spectral normalisation",
        "discriminator=spec(spectral.SpectralNorm, spec(Discriminator, spec(mlp.Down, (16,))))",
        spectral.SpectralNorm.__doc__,
        "nets/test_layers.py::test_spectral_norm_is_the_power_iteration_by_hand",
        "StudioGAN, compare_gan, mimicry, TF-GAN, torchgan, mmgeneration",
    ),
    Option(
        "weight clipping",
        'optim={"disc": spec(optax.chain, spec(optax.rmsprop, 5e-5), spec(clip_weights, 0.01)), '
        '"gen": spec(optax.rmsprop, 5e-5)}',
        optim.clip_weights.__doc__,
        "test_optim.py::test_clipped_weights_lie_in_their_box",
        "StudioGAN, TF-GAN, torchgan",
    ),
    Option(
        "moving average with a ramp",
        'ema={"gen": spec(ramped, half_life=10_000, batch=64)}',
        optim.ramped.__doc__,
        "test_optim.py::test_ramped_forgets_half_in_its_half_life",
        "StudioGAN, R3GAN, StyleGAN2-ADA (with a ramp); compare_gan, flaxmodels, lightweight-gan, "
        "mmgeneration (without)",
    ),
    Option(
        "instance noise",
        "augment=(spec(instance_noise, spec(optax.linear_schedule, 0.1, 0.0, 1000)),)",
        augment.instance_noise.__doc__,
        "test_augment.py::test_instance_noise_has_its_schedule_s_deviation_and_takes_points",
        NONE,
    ),
    Option(
        "label smoothing",
        "options=(spec(smoothed, 0.1),)",
        options.smoothed.__doc__,
        "methods/test_gan_options.py::test_smoothing_mixes_the_labels_of_data_alone",
        "TF-GAN, torchgan; mimicry and mmgeneration in part",
    ),
    Option(
        "feature matching",
        'regularisers={"gen": {"feature_matching": 1.0}}',
        regularisers.feature_matching.__doc__,
        "losses/test_regularisers.py::test_value_and_gradient_in_all_parameters_equal_the_oracle",
        "StudioGAN, torchgan",
    ),
    Option(
        "minibatch discrimination",
        "discriminator=spec(Discriminator, spec(layers.Chain, "
        "(spec(mlp.Down, (16,)), spec(minibatch.MinibatchDiscrimination))))",
        minibatch.MinibatchDiscrimination.__doc__,
        "nets/test_layers.py::test_minibatch_discrimination_is_the_equation_by_hand",
        "torchgan",
    ),
    Option(
        "minibatch standard deviation",
        "discriminator=spec(Discriminator, spec(layers.Chain, "
        "(spec(mlp.Down, (16,)), spec(minibatch.MinibatchStddev, group=4))))",
        minibatch.MinibatchStddev.__doc__,
        "nets/test_layers.py::test_minibatch_stddev_is_the_deviation_by_hand",
        "StudioGAN, StyleGAN2-ADA, flaxmodels, mmgeneration; TF-GAN (an example)",
    ),
    Option(
        "virtual batch normalisation",
        "generator=spec(layers.WithReference, spec(Generator, "
        'spec(mlp.Up, (8, 8, 1), (16,), norm="VirtualBatchNorm")), size=4)',
        layers.VirtualBatchNorm.__doc__,
        "nets/test_layers.py::test_virtual_batch_norm_is_the_equation_by_hand",
        "TF-GAN, torchgan",
    ),
    Option(
        "historical averaging",
        'optim={"disc": spec(optax.sgd, 0.01), "gen": '
        "spec(optax.chain, spec(historical_averaging, 1.0), spec(optax.sgd, 0.01))}",
        optim.historical_averaging.__doc__,
        "test_optim.py::test_historical_averaging_is_the_gradient_of_its_penalty",
        "torchgan",
    ),
    Option(
        "pool of earlier samples",
        "options=(spec(pooled, 64),)",
        options.pooled.__doc__,
        "methods/test_gan_options.py::test_a_pool_shows_earlier_samples_and_keeps_the_newer",
        "TF-GAN; mmgeneration (pix2pix, CycleGAN)",
    ),
    Option(
        "top-k",
        "options=(spec(top, spec(optax.linear_schedule, 1.0, 0.5, 1000)),)",
        options.top.__doc__,
        "methods/test_gan_options.py::test_the_top_samples_alone_teach_the_generator",
        "StudioGAN",
    ),
    Option(
        "unrolled",
        "dynamics=(spec(unrolled, 5),)",
        dynamics.unrolled.__doc__,
        "test_dynamics.py::test_unrolled_differentiates_through_the_opponents_optimiser",
        NONE,
    ),
    Option(
        "PacGAN",
        "options=(spec(packed, 2),)",
        options.packed.__doc__,
        "methods/test_gan_options.py::test_packs_lie_side_by_side_along_the_channels",
        NONE,
    ),
    Option(
        "latent step (LOGAN)",
        "options=(spec(latent_step, rate=0.9, damping=5.0),)",
        options.latent_step.__doc__,
        "methods/test_gan_options.py::test_a_latent_step_is_the_damped_natural_gradient",
        "StudioGAN (returns after one step whatever the number asked for)",
    ),
    Option(
        "simultaneous",
        "dynamics=(spec(simultaneous),)",
        dynamics.simultaneous.__doc__,
        "test_dynamics.py::test_at_once_both_move_from_the_same_point_and_spiral_out",
        "",
    ),
    Option(
        "consensus optimisation",
        "dynamics=(spec(simultaneous), spec(consensus, 10.0))",
        dynamics.consensus.__doc__,
        "test_dynamics.py::test_consensus_descends_half_the_squared_norm_of_all_gradients",
        "",
    ),
    Option(
        "optimistic",
        'dynamics=(spec(simultaneous),), optim={"disc": spec(optax.optimistic_adam_v2, 1e-4, '
        'nesterov=False), "gen": spec(optax.optimistic_adam_v2, 1e-4, nesterov=False)}',
        optim.__doc__,
        "test_optim.py::test_optimistic_adam_without_nesterov_is_the_paper_s",
        "",
    ),
    Option(
        "extragradient",
        "dynamics=(spec(extragradient),)",
        dynamics.extragradient.__doc__,
        "test_dynamics.py::test_extragradient_spirals_in",
        "",
    ),
    Option(
        "balance: a player that is ahead waits",
        "dynamics=(spec(balanced, 0.5),)",
        dynamics.balanced.__doc__,
        "test_dynamics.py::test_a_player_that_is_ahead_holds_still",
        "",
    ),
    Option(
        "lazy regularisation",
        'penalties={"r1": dict(weight=10.0, every=16)}',
        terms.Term.__doc__,
        "methods/test_gan_options.py::test_a_lazy_penalty_is_worth_the_same_over_its_rounds",
        "StudioGAN, StyleGAN2-ADA, flaxmodels, mmgeneration",
    ),
    Option(
        "DiffAugment",
        'augment=(spec(diff_augment, ("colour", "translation", "cutout")),)',
        augment.diffaugment.__doc__,
        "test_augment.py::test_diff_augment_against_numpy",
        "StudioGAN, lightweight-gan",
    ),
    Option(
        "ADA",
        "augment=(spec(adaptive, target=0.6),)",
        augment.ada.__doc__,
        "test_augment.py::test_the_controller_by_hand",
        "StudioGAN, StyleGAN2-ADA, mmgeneration",
    ),
    Option(
        "ADA's pipe on a schedule",
        "augment=(spec(augment_pipe, spec(optax.linear_schedule, 0.0, 0.55, 1000), cutout=1.0),)",
        augment.augment_pipe.__doc__,
        "test_augment.py::test_the_pipe_against_scipy",
        "R3GAN",
    ),
    Option(
        "standing statistics",
        "recalibrate=16",
        batch_norm.recalibrated.__doc__,
        "test_recalibration.py::test_every_running_statistic_becomes_its_mean_over_the_batches",
        "StudioGAN, compare_gan",
    ),
)

"""Eleven GANs on CIFAR-10 with their authors' networks and settings, ready for an accelerator.

Run:    genlab sweep --config=experiments/gold/cifar10.py --workdir=runs/gold --only=wgan-gp
Data:   genlab prepare tfds:cifar10
The README of this folder lists the variants; parameter counts equal the official ones
(tests/test_gold.py).
"""

import flax.linen as nn
import optax

from genlab import Experiment, Loop, spec
from genlab.augment import augment_pipe, image
from genlab.data import tfds
from genlab.game.optim import clip_weights, cosine, from_round, ramped, scheduled_adam
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.methods.gan.options import generator_batch
from genlab.nets import Discriminator, Generator, biggan, dcgan, r3gan, resnet
from genlab.nets.heads import AuxiliaryDiscriminator, ProjectionDiscriminator
from genlab.nets.layers.spectral import SpectralNorm

SEEDS = (0, 1, 2)
SHAPE = (32, 32, 3)


def decaying(rate, updates, **betas):
    """Adam with a rate that falls linearly to 0 over its updates."""
    return spec(optax.adam, spec(optax.linear_schedule, rate, 0.0, updates), **betas)


def both(adam):
    """The same optimiser for both players."""
    return {"disc": adam, "gen": adam}


def config():
    """WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028; igul222/improved_wgan_training,
    gan_cifar_resnet.py, unconditional): 5 critic moves on 64 images, generator on 128.
    """
    rounds, betas = 100_000, {"b1": 0.0, "b2": 0.9}
    return spec(
        Experiment,
        title="GANs on CIFAR-10",
        method=spec(
            GAN,
            spec(Generator, spec(resnet.Up, SHAPE, width=128)),
            spec(Discriminator, spec(resnet.Down, width=128), kernel_init="glorot_uniform"),
            latent=128,
            objective="wasserstein",
            penalties={"gradient_penalty": 10.0},
            critic_moves=5,
            options=(spec(generator_batch, 2),),
        ),
        data=spec(tfds, "cifar10", augment=(spec(image.dequantise),)),
        optim={"disc": decaying(2e-4, 5 * rounds, **betas), "gen": decaying(2e-4, rounds, **betas)},
        batch_size=64,
        loop=spec(
            Loop, steps=rounds, rounds_per_call=20, checkpoint_every=5_000, sample_every=5_000
        ),
    )


def sweep():
    return {
        "wgan-gp": {},
        "wgan": wgan(),
        "dcgan": convolutional(),
        "lsgan": {**convolutional(), "method.objective": "least_squares"},
        "dragan": dragan(),
        "sngan": sngan(),
        "sagan": sagan(),
        "cgan-projection": projection(),
        "ac-gan": acgan(),
        "biggan": big(),
        "r3gan": r3(),
    }


def convolutional(norm="BatchNorm"):
    """DCGAN (Radford et al. 2016, arXiv:1511.06434, Section 4): Adam 2e-4 with beta1 0.5, batch
    128, N(0, 0.02^2); without WGAN-GP's dequantisation.
    """
    return {
        "method.given": ("label",),
        "method.generator": spec(Generator, spec(dcgan.Up, SHAPE)),
        "method.discriminator": spec(
            Discriminator,
            spec(dcgan.Down, norm=norm),
            kernel_init=spec(nn.initializers.normal, 0.02),
        ),
        "method.latent": 100,
        "method.objective": "nonsaturating",
        "method.penalties": {},
        "method.critic_moves": 1,
        "method.options": (),
        "data.augment": (),
        "optim": both(spec(optax.adam, 2e-4, b1=0.5)),
        "batch_size": 128,
    }


def wgan():
    """WGAN (Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1): RMSProp 5e-5, clipping at 0.01, 5
    critic moves, batch 64; DCGAN networks.
    """
    rmsprop = spec(optax.rmsprop, 5e-5, decay=0.99, eps_in_sqrt=False)
    return {
        **convolutional(),
        "method.objective": "wasserstein",
        "method.critic_moves": 5,
        "optim": {"disc": spec(optax.chain, rmsprop, spec(clip_weights, 0.01)), "gen": rmsprop},
        "batch_size": 64,
    }


def dragan():
    """DRAGAN (Kodali et al. 2017, arXiv:1705.07215): the original loss, penalty weight 10; no norm
    in the critic, whose gradient is penalised at each example. The noise's standard deviation is
    0.12, near what the authors' code adds to images of CIFAR-10's contrast.
    """
    return {
        **convolutional(norm="Identity"),
        "method.penalties": {"dragan": {"weight": 10.0, "c": 0.12**2}},
    }


def normalised(net, **fields):
    """A critic's trunk or a whole network under spectral normalisation."""
    return spec(SpectralNorm, net, **fields)


def sngan():
    """SNGAN (Miyato et al. 2018, arXiv:1802.05957; pfnet-research/sngan_projection,
    sn_cifar10_unconditional): hinge, Adam 2e-4 with betas (0, 0.9) falling to 0 over 50,000 rounds,
    5 critic moves on 64 images, generator on 128.
    """
    rounds, betas = 50_000, {"b1": 0.0, "b2": 0.9}
    critic = spec(Discriminator, spec(resnet.Down, width=128, pool="sum"))
    return {
        "method.generator": spec(Generator, spec(resnet.Up, SHAPE, width=256)),
        "method.discriminator": normalised(critic),
        "method.objective": "hinge",
        "method.penalties": {},
        "optim": {
            "disc": decaying(2e-4, 5 * rounds, **betas),
            "gen": decaying(2e-4, rounds, **betas),
        },
        "loop.steps": rounds,
    }


def projection():
    """cGAN with a projection critic (Miyato & Koyama 2018, arXiv:1802.05637; the authors'
    sn_cifar10_conditional): SNGAN with conditional BatchNorm and the label's embedding in the
    logit.
    """
    up = spec(resnet.Up, SHAPE, width=256, norm="ConditionalBatchNorm")
    critic = spec(ProjectionDiscriminator, spec(resnet.Down, width=128, pool="sum"))
    return {
        **sngan(),
        "method.given": ("label",),
        "method.generator": spec(Generator, up, embed=0),
        "method.discriminator": normalised(critic),
    }


def sagan():
    """SAGAN (Zhang et al. 2019, arXiv:1805.08318, Section 4): spectral norm in both networks, self-
    attention, hinge, Adam 1e-4 and 4e-4 with betas (0, 0.9), one critic move; conditional as there,
    at the size of SNGAN's networks, attention at 16x16.
    """
    up = spec(resnet.Up, SHAPE, width=256, norm="ConditionalBatchNorm", attention=16)
    trunk = spec(resnet.Down, width=128, pool="sum", attention=16)
    betas = {"b1": 0.0, "b2": 0.9}
    return {
        "method.given": ("label",),
        "method.generator": normalised(spec(Generator, up, embed=0)),
        "method.discriminator": normalised(spec(ProjectionDiscriminator, trunk)),
        "method.objective": "hinge",
        "method.penalties": {},
        "method.critic_moves": 1,
        "method.options": (),
        "optim": {
            "disc": spec(optax.adam, 4e-4, **betas),
            "gen": spec(optax.adam, 1e-4, **betas),
        },
        "ema": {"gen": 0.999},
    }


def acgan():
    """AC-GAN (Odena et al. 2017, arXiv:1610.09585, Appendix A): Adam 2e-4 with beta1 0.5, batch
    100, the label joined to the latent; DCGAN networks.
    """
    return {
        **convolutional(),
        "method.given": ("label",),
        "method.generator": spec(Generator, spec(dcgan.Up, SHAPE)),
        "method.discriminator": spec(AuxiliaryDiscriminator, spec(dcgan.Down)),
        "method.objective": spec(adversarial.auxiliary, "nonsaturating"),
        "batch_size": 100,
    }


def big():
    """BigGAN (Brock et al. 2019, arXiv:1809.11096; ajbrock/BigGAN-PyTorch,
    launch_cifar_ema.sh): hinge, Adam 2e-4 with betas (0, 0.999), 4 critic moves, batch 50, N(0,
    0.02^2), average 0.9999 from round 1,000, 500 epochs. The script evaluates with the
    statistics of each batch of samples; here batch norm is recalibrated over 16 batches.
    """
    start = {"kernel_init": spec(nn.initializers.normal, 0.02)}
    up = spec(biggan.Up, SHAPE, shared=0, hierarchical=False, **start)
    critic = spec(ProjectionDiscriminator, spec(biggan.Down, **start), **start)
    return {
        "method.given": ("label",),
        "method.generator": normalised(spec(Generator, up, embed=0), exempt=("scale", "shift")),
        "method.discriminator": normalised(critic),
        "method.objective": "hinge",
        "method.penalties": {},
        "method.critic_moves": 4,
        "method.options": (),
        "data.augment": (),
        "optim": both(spec(optax.adam, 2e-4, b1=0.0, b2=0.999)),
        "batch_size": 50,
        "ema": {"gen": spec(from_round, 1_000, 0.9999)},
        "recalibrate": 16,
        "loop.steps": 125_000,
    }


def r3():
    """R3GAN (Huang et al. 2024, arXiv:2501.05441; brownvc/R3GAN, train.py preset CIFAR10): RpGAN +
    R1 + R2, batch 512 and 20 M images within which all five schedules run: rate 2e-4 to 5e-5, beta2
    0.9 to 0.99, gamma 0.05 to 0.005, augmentation 0 to 0.55, half-life of the average 0 to 5 M
    images.
    """
    batch, images = 512, 20_000_000
    rounds = images // batch

    def falling(start, end):
        return spec(cosine, start, end, rounds)

    adam = spec(scheduled_adam, falling(2e-4, 5e-5), b1=0.0, b2=falling(0.9, 0.99))
    gamma = falling(0.05, 0.005)
    return {
        "method.given": ("label",),
        "method.generator": spec(Generator, spec(r3gan.Up, SHAPE), embed=0, bounded=False),
        "method.discriminator": spec(r3gan.Discriminator, spec(r3gan.Down)),
        "method.latent": 64,
        "method.objective": "relativistic",
        "method.penalties": {"r1": gamma, "r2": gamma},
        "method.critic_moves": 1,
        "method.options": (),
        "method.augment": (spec(augment_pipe, falling(0.0, 0.55), colour=0.5, cutout=1.0),),
        "data.augment": (spec(image.flip),),
        "optim": both(adam),
        "batch_size": batch,
        "ema": {"gen": spec(ramped, falling(0.0, 5_000_000.0), batch, ramp=None)},
        "loop.steps": rounds,
    }

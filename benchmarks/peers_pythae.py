"""The games of `against_peers.py` in pythae, run by the Python of its own environment."""

import json
import resource
import sys
import tempfile
import time

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import (
    VAE,
    VQVAE,
    WAE_MMD,
    VAE_LinNF,
    VAE_LinNF_Config,
    VAEConfig,
    VQVAEConfig,
    WAE_MMD_Config,
)
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig

EXAMPLES, BATCH, CODES, FLOWS, SHAPE = 4096, 64, 512, 16, (1, 28, 28)
SCALES = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]  # of the kernels, as genlab's


class Encoder(BaseEncoder):
    """784 to wide, narrow, latent; a log-variance too if asked."""

    def __init__(self, wide: int, narrow: int, latent: int, gaussian: bool):
        super().__init__()
        self.latent_dim = latent
        self.hidden = torch.nn.Sequential(
            torch.nn.Linear(784, wide), torch.nn.ReLU(), torch.nn.Linear(wide, narrow),
            torch.nn.ReLU(),
        )  # fmt: skip
        self.mean = torch.nn.Linear(narrow, latent)
        self.log_variance = torch.nn.Linear(narrow, latent) if gaussian else None

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """pythae's output."""
        h = self.hidden(x.reshape(len(x), -1))
        found = ModelOutput(embedding=self.mean(h))
        if self.log_variance is not None:
            found["log_covariance"] = self.log_variance(h)
        return found


class Decoder(BaseDecoder):
    """Latent to narrow, wide, 784."""

    def __init__(self, wide: int, narrow: int, latent: int):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(latent, narrow), torch.nn.ReLU(), torch.nn.Linear(narrow, wide),
            torch.nn.ReLU(), torch.nn.Linear(wide, 784),
        )  # fmt: skip

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """pythae's output."""
        return ModelOutput(reconstruction=self.layers(z).reshape(-1, *SHAPE))


def model(game: str, wide: int, narrow: int, latent: int):
    """A model of pythae with these networks."""
    sizes, common = (wide, narrow, latent), {"input_dim": SHAPE, "latent_dim": latent}
    encoder, decoder = Encoder(*sizes, gaussian=game in ("vae", "planar")), Decoder(*sizes)
    if game == "vq-vae":
        config = VQVAEConfig(**common, num_embeddings=CODES, use_ema=True, decay=0.99)
        return VQVAE(config, encoder, decoder)
    if game == "wae":
        config = WAE_MMD_Config(
            **common, kernel_choice="imq", reg_weight=10.0, kernel_bandwidth=1.0, scales=SCALES,
            reconstruction_loss_scale=0.5,
        )  # fmt: skip
        return WAE_MMD(config, encoder, decoder)
    if game == "planar":
        config = VAE_LinNF_Config(**common, flows=["Planar"] * FLOWS, reconstruction_loss="mse")
        return VAE_LinNF(config, encoder, decoder)
    return VAE(VAEConfig(**common, reconstruction_loss="mse"), encoder, decoder)


def trainer(made, folder: str) -> BaseTrainer:
    """pythae's own, ready for its first epoch."""
    images = np.random.default_rng(0).integers(0, 256, (EXAMPLES, *SHAPE), dtype=np.uint8)
    data = torch.from_numpy(images).float() / 127.5 - 1
    config = BaseTrainerConfig(
        output_dir=folder, num_epochs=1, per_device_train_batch_size=BATCH, learning_rate=1e-3,
        optimizer_cls="Adam", no_cuda=True,
    )  # fmt: skip
    found = BaseTrainer(made, BaseDataset(data, torch.zeros(EXAMPLES)), training_config=config)
    found.prepare_training()
    return found


def main() -> None:
    """Answers on standard output, a line of JSON each."""
    game, sizes = sys.argv[1], map(int, sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        made = model(game, *sizes)
        playing = trainer(made, folder)
        count = sum(p.numel() for p in made.parameters() if p.requires_grad)
        print(json.dumps({"parameters": count}), flush=True)
        for epoch, line in enumerate(sys.stdin, start=1):
            if line.strip() == "end":
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(json.dumps({"peak_mib": peak}), flush=True)
                return
            started = time.perf_counter()
            playing.train_step(epoch)
            print(json.dumps({"seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()

"""Settings of the classic deconvolutions, by PSNR on validation patches, where they are chosen.

Run:    python experiments/restoration/deconvolution.py          (half a minute)
Prints: dB by setting, and of the pictures as given; `restoration.py` takes the best of each method
"""

from pathlib import Path

import numpy as np

from genlab.config import build
from genlab.config.files import load
from genlab.evaluation.classics import Deconvolved
from genlab.metrics.image import psnr

FILE = Path(__file__).with_name("restoration.py")
BALANCES, STEPS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), (1, 3, 10, 30)


def main() -> None:
    """Prints a line for each setting."""
    file = load(FILE)
    blur = file.BLUR
    real = build(file.fields("regression", file.TASKS["deblurring"])["data"]).read("validation")
    given, answer = real["blurred"], real["image"]

    def decibels(x):
        return float(np.mean(psnr(x, answer, 255)))

    print(f"as given {decibels(given):.2f}")
    for balance in BALANCES:
        made = Deconvolved(blur, "wiener", balance)(given, None, answer.shape[1:])
        print(f"Wiener, balance {balance:g}: {decibels(made):.2f}")
    for steps in STEPS:
        made = Deconvolved(blur, "richardson_lucy", steps=steps)(given, None, answer.shape[1:])
        print(f"Richardson-Lucy, {steps} steps: {decibels(made):.2f}")


if __name__ == "__main__":
    main()

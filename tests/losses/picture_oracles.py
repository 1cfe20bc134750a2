"""Losses between two pictures again, in float64 NumPy and loops, from the papers' equations."""

import inspect

import numpy as np


def named(module):
    """Its losses by name."""
    return {
        name
        for name in getattr(module, "__all__", vars(module))
        if not name.startswith("_")
        and inspect.isfunction(fn := getattr(module, name))
        and list(inspect.signature(fn).parameters)[:3] == ["output", "target", "key"]
    }


def each(of_one):
    """Of every picture, or of every picture's maps."""

    def found(output, target, *, mask=None, **arguments):
        if mask is not None:
            return np.array(
                [of_one(a, b, m, **arguments) for a, b, m in zip(output, target, mask, strict=True)]
            )
        if isinstance(output, list):
            rows = range(len(output[0]))
            return np.array(
                [of_one([m[n] for m in output], [m[n] for m in target], **arguments) for n in rows]
            )
        return np.array([of_one(a, b, **arguments) for a, b in zip(output, target, strict=True)])

    return found


@each
def l1(a, b):
    return np.abs(a - b).sum() / a.size


@each
def l2(a, b):
    return ((a - b) ** 2).sum() / a.size


@each
def charbonnier(a, b, epsilon=1e-3):
    return np.hypot(a - b, epsilon).mean()


@each
def gradient_difference(a, b):
    return sum(
        np.abs(np.abs(np.diff(a, axis=i)) - np.abs(np.diff(b, axis=i))).mean() for i in (0, 1)
    )


@each
def edge(a, b, epsilon=1e-3):
    h, w, c = a.shape
    found = [
        np.hypot(sharp(a, i, j, k) - sharp(b, i, j, k), epsilon)
        for i in range(1, h - 1)
        for j in range(1, w - 1)
        for k in range(c)
    ]
    return np.mean(found)


def sharp(x, i, j, k):
    return x[i - 1, j, k] + x[i + 1, j, k] + x[i, j - 1, k] + x[i, j + 1, k] - 4 * x[i, j, k]


@each
def total_variation(a, b):
    return np.abs(np.diff(a, axis=0)).mean() + np.abs(np.diff(a, axis=1)).mean()


@each
def masked(a, b, m, hole=6.0, valid=1.0, norm="l1"):
    d = np.abs(a - b) ** {"l1": 1, "l2": 2}[norm]
    inside = np.broadcast_to(m, d.shape) > 0.5
    return (hole * d[inside].sum() + valid * d[~inside].sum()) / d.size


def taps(window):
    """Gaussian of sigma 1.5 over a square window."""
    line = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * 1.5**2))
    square = np.outer(line, line)
    return square / square.sum()


def factors(x, y, window):
    """(mean luminance x contrast, mean contrast) of one channel in [0, 1], window by window."""
    w, both, contrasts = taps(window), [], []
    for i in range(x.shape[0] - window + 1):
        for j in range(x.shape[1] - window + 1):
            p, q = (v[i : i + window, j : j + window] for v in (x, y))
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum()
            cov = (w * (p - mp) * (q - mq)).sum()
            contrast = (2 * cov + 0.03**2) / (vp + vq + 0.03**2)
            contrasts.append(contrast)
            both.append((2 * mp * mq + 0.01**2) / (mp**2 + mq**2 + 0.01**2) * contrast)
    return np.mean(both), np.mean(contrasts)


@each
def ssim(a, b, window=11):
    a, b = (a + 1) / 2, (b + 1) / 2
    return 1 - np.mean([factors(a[..., k], b[..., k], window)[0] for k in range(a.shape[-1])])


@each
def ms_ssim(a, b, window=11, scales=None):
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    weights, total = weights / weights.sum(), []
    for k in range(a.shape[-1]):
        x, y, value = (a[..., k] + 1) / 2, (b[..., k] + 1) / 2, 1.0
        for n, weight in enumerate(weights):
            both, contrast = factors(x, y, window)
            value *= (both if n == len(weights) - 1 else contrast) ** weight
            x, y = (halved(v) if n < len(weights) - 1 else v for v in (x, y))
        total.append(value)
    return 1 - np.mean(total)


def halved(x):
    """Means over 2x2 of an even number of rows and columns."""
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def over_layers(of_layer):
    @each
    def found(output, target, layers=None, **arguments):
        weights = layers or [1] * len(output)
        return sum(
            w * of_layer(a, b, **arguments) for w, a, b in zip(weights, output, target, strict=True)
        )

    return found


content = over_layers(lambda a, b: ((a - b) ** 2).sum() / a.size)
content_l1 = over_layers(lambda a, b: np.abs(a - b).sum() / a.size)


def products(a):
    """G channel by channel, as the papers write it."""
    c = a.shape[-1]
    return np.array([[(a[..., i] * a[..., j]).sum() / a.size for j in range(c)] for i in range(c)])


gram = over_layers(lambda a, b: ((products(a) - products(b)) ** 2).sum())
gram_l1 = over_layers(lambda a, b: np.abs(products(a) - products(b)).sum() / a.shape[-1] ** 2)


@over_layers
def statistics(a, b):
    found = 0.0
    for k in range(a.shape[-1]):
        x, y = a[..., k], b[..., k]
        sigmas = [np.sqrt(((v - v.mean()) ** 2).mean() + 1e-5) for v in (x, y)]
        found += (x.mean() - y.mean()) ** 2 + (sigmas[0] - sigmas[1]) ** 2
    return found / a.shape[-1]


@each
def patch_nce(output, target, layers=None, temperature=0.07):
    losses = []
    for weight, q, k in zip(layers or [1] * len(output), output, target, strict=True):
        for i in range(len(q)):
            scores = np.array([q[i] @ k[j] / temperature for j in range(len(k))])
            losses.append(weight * (np.log(np.exp(scores).sum()) - scores[i]) / len(q))
    return sum(losses) / len(output)

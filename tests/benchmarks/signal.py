"""Signal and gradient, layer by layer, in deep networks at their first weights; writes docs/deep_sigmoid.png.

python -m tests.benchmarks.signal
"""

from pathlib import Path

import matplotlib
import numpy as np

from tests.network.pieces import drawn_network

N_ROWS, N_INPUTS, WIDTH, DEPTH = 1000, 20, 50, 10
CURVES = (
    ("sigmoid, init='auto'", "sigmoid", "centred"),  # what "auto" is
    ("tanh, init='auto'", "tanh", "centred"),
    ("sigmoid, init='glorot_uniform'", "sigmoid", "glorot_uniform"),
)


def variation(values):
    """Root mean square, over units, of the standard deviation over samples."""
    return np.sqrt(np.mean(values.std(axis=0) ** 2))


def profile(activation, init, rng):
    """Variation of every hidden layer's output, and of the error that comes back to it, for a random output error."""
    network = drawn_network((N_INPUTS, *[WIDTH] * DEPTH, 1), activation, init, rng)
    gradient = np.empty_like(network.theta)
    chain = network.chain(N_ROWS, gradient=gradient)
    chain.forward(rng.normal(size=(N_ROWS, N_INPUTS)))
    signal = [variation(a) for a in chain.hidden]
    chain.backward(rng.normal(size=(N_ROWS, 1)))
    pairs = list(zip(network.arrays(gradient), network.arrays(network.theta), strict=True))[1 : DEPTH + 1]
    return signal, [np.linalg.norm(g) * np.linalg.norm(W) for g, W in pairs]


def main():
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True)
    layers = np.arange(1, DEPTH + 1)
    for label, activation, init in CURVES:
        profiles = [profile(activation, init, np.random.default_rng(seed)) for seed in range(20)]
        signal, gradient = np.exp(np.mean(np.log(profiles), axis=0))
        print(f"{label:32} signal {signal[0]:.1e} -> {signal[-1]:.1e}", end="   ")
        print(f"gradient {gradient[-1]:.1e} -> {gradient[0]:.1e}")
        left.semilogy(layers, signal, marker="o", label=label)
        right.semilogy(layers + 1, gradient, marker="o", label=label)
    left.set(title="signal: standard deviation of the outputs", xlabel="hidden layer")
    right.set(title=r"gradient: $\|\partial J/\partial W\| \cdot \|W\|$", xlabel="weight matrix")
    left.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(Path(__file__).parents[2] / "docs" / "deep_sigmoid.png", dpi=110)


if __name__ == "__main__":
    main()

"""Activation functions of hidden units, and their derivatives. docs/add_to_sknet.md says how to add one.

Conventions
-----------
z : (n, h)      sums of a layer's units; `apply` overwrites them with the outputs a = f(z)
kept : (n, h)   the outputs a or the sums z, according to `keeps`; `backward` may overwrite it
delta : (n, h)  dJ/da, which `backward` overwrites with dJ/dz = dJ/da * f'(z)
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from scipy.special import ndtr

from sknet._typing import Array


@dataclass(frozen=True)
class Activation:
    """An activation function of your own: the function and its derivative.

    Parameters
    ----------
    name : str
        Name used in messages and files.

    apply : callable
        `apply(z)` overwrites z, an array of shape (n, h), with f(z).

    backward : callable
        `backward(kept, delta)` multiplies delta, in place, by the derivative of f at
        the kept values, which it may overwrite.

    keeps : {"output", "input"}, default="output"
        What is kept for `backward`: the output f(z), or the input z if the derivative
        cannot be computed from the output.

    center : float, default=0.0
        f(0). With the default `init`, the initial biases of the next layer subtract it,
        so that a deep network starts with centred signals.

    input_scale : float, default=1.0
        Standard deviation of z at which units are neither linear nor saturated. The
        default `init` chooses the initial weights so that z has it.

    output_scale : float, default=1.0
        Scale of f(z) - f(0) for such z. In root mean square, f(z) - f(0) is about
        ``output_scale / input_scale`` times as large as z.

    See Also
    --------
    check_gradient : Compare `backward` with finite differences of `apply`.
    """

    name: str
    apply: Callable[[Array], None]
    backward: Callable[[Array, Array], None]
    keeps: Literal["output", "input"] = "output"
    center: float = 0.0
    input_scale: float = 1.0
    output_scale: float = 1.0


# --- sigmoid: a = 1 / (1 + exp(-z)),  da/dz = a (1 - a) ------------------------------------------------------------


HALF_BY_DTYPE = {np.dtype(kind): np.array(0.5, kind) for kind in (np.float32, np.float64)}
"""1/2 as an array: NumPy takes as long to convert a Python number as to pass over a small layer."""


def sigmoid(z: Array) -> None:
    """Overwrite z with 1 / (1 + exp(-z)) = 1/2 + 1/2 tanh(z/2), which is fast and cannot overflow."""
    half = HALF_BY_DTYPE[z.dtype]
    z *= half
    np.tanh(z, out=z)
    z *= half
    z += half


def _sigmoid_backward(a: Array, delta: Array) -> None:
    """Multiply delta by a (1 - a), in place; overwrites a."""
    delta *= a
    a *= delta
    delta -= a  # delta a - a (delta a) = delta a (1 - a), without a Python number: see `HALF_BY_DTYPE`


# --- tanh: da/dz = 1 - a^2 ------------------------------------------------------------------------------------------


def _tanh(z: Array) -> None:
    """Overwrite z with tanh(z)."""
    np.tanh(z, out=z)


def _tanh_backward(a: Array, delta: Array) -> None:
    """Multiply delta by 1 - a^2, in place; overwrites a."""
    a *= a  # a is not needed again, so its memory is used instead of a temporary array
    np.subtract(1.0, a, out=a)
    delta *= a


# --- the identity and the rectifiers: piecewise linear --------------------------------------------------------------


def _change_nothing(*arrays: Array) -> None:
    """Leave the arrays as they are: the identity, and its backward pass."""


def _relu(z: Array) -> None:
    """Overwrite z with max(z, 0)."""
    np.maximum(z, 0.0, out=z)


def _relu_backward(a: Array, delta: Array) -> None:
    """Set delta to 0 where the unit is inactive; overwrites a."""
    np.greater(a, 0.0, out=a)  # 1 for active units, else 0; many times faster than np.sign
    delta *= a


LEAKY_RELU_SLOPE = 0.01
"""The slope of `leaky_relu` for negative z (Maas et al. 2013)."""


def _leaky_relu(z: Array) -> None:
    """Multiply the negative z by the slope, in place."""
    np.maximum(z, LEAKY_RELU_SLOPE * z, out=z)


def _leaky_relu_backward(a: Array, delta: Array) -> None:
    """Multiply delta by the slope where z is negative, in place."""
    np.multiply(delta, LEAKY_RELU_SLOPE, out=delta, where=a <= 0.0)  # a has the sign of z


# --- exponential units: [1] ELU, [2] SELU ---------------------------------------------------------------------------

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""The two numbers that keep mean 0 and variance 1 from layer to layer (Klambauer et al. 2017)."""


def _elu(z: Array) -> None:
    """Overwrite the negative z with exp(z) - 1."""
    np.expm1(z, out=z, where=z < 0.0)


def _elu_backward(a: Array, delta: Array) -> None:
    """Multiply delta by exp(z) where z is negative, in place."""
    np.multiply(delta, a + 1.0, out=delta, where=a < 0.0)  # a + 1 = exp(z), where z < 0


def _selu(z: Array) -> None:
    """Overwrite z with scale z; where z is negative, with scale alpha (exp(z) - 1)."""
    negative = z < 0.0
    np.expm1(z, out=z, where=negative)
    np.multiply(z, SELU_ALPHA, out=z, where=negative)
    with np.errstate(over="ignore"):
        z *= SELU_SCALE


def _selu_backward(a: Array, delta: Array) -> None:
    """Multiply delta by the slope of SELU, in place."""
    # where z < 0, the slope is scale alpha exp(z) = a + scale alpha
    slope = np.where(a < 0.0, a + SELU_SCALE * SELU_ALPHA, SELU_SCALE)
    delta *= slope.astype(delta.dtype, copy=False)


# --- softplus: a = log(1 + exp(z)),  da/dz = 1 - exp(-a) ------------------------------------------------------------


def _softplus(z: Array) -> None:
    """Overwrite z with log(1 + exp(z))."""
    np.logaddexp(0.0, z, out=z)


def _softplus_backward(a: Array, delta: Array) -> None:
    """Multiply delta by 1 - exp(-a), in place."""
    delta *= -np.expm1(-a)


# --- gated units z * g(z): their derivative needs z ------------------------------------------------------------------


def _accurate_sigmoid(z: Array) -> Array:
    """Return the sigmoid of z, accurate even if it is tiny, because it is multiplied by a large z."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-z))


def _silu(z: Array) -> None:
    """Overwrite z with z sigmoid(z)."""
    z *= _accurate_sigmoid(z)


def _silu_backward(z: Array, delta: Array) -> None:
    """Multiply delta by g + z g (1 - g), in place, with g = sigmoid(z)."""
    g = _accurate_sigmoid(z)
    delta *= g * (1.0 + z * (1.0 - g))


def _gelu(z: Array) -> None:
    """Overwrite z with z Phi(z), where Phi is the normal distribution function."""
    z *= ndtr(z)


def _gelu_backward(z: Array, delta: Array) -> None:
    """Multiply delta by Phi(z) + z phi(z), in place, where phi is the normal density."""
    with np.errstate(over="ignore"):
        density = np.exp(-0.5 * z * z) * (1.0 / sqrt(2.0 * np.pi))
    delta *= ndtr(z) + z * density


def _mish(z: Array) -> None:
    """Overwrite z with z tanh(softplus(z))."""
    z *= np.tanh(np.logaddexp(0.0, z))


def _mish_backward(z: Array, delta: Array) -> None:
    """Multiply delta by t + z (1 - t^2) sigmoid(z), in place, with t = tanh(softplus(z))."""
    t = np.tanh(np.logaddexp(0.0, z))
    delta *= t + z * (1.0 - t * t) * _accurate_sigmoid(z)  # the sigmoid is the slope of softplus


_RELU_OUTPUT_SCALE = sqrt(0.5)
"""Rectifiers let half of the variance through (He et al. 2015)."""

ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        # sigmoid(z) = 1/2 + 1/2 tanh(z/2): a tanh unit with its input doubled and its output halved and shifted
        Activation("sigmoid", sigmoid, _sigmoid_backward, center=0.5, input_scale=2.0, output_scale=0.5),
        Activation("tanh", _tanh, _tanh_backward),
        Activation("relu", _relu, _relu_backward, output_scale=_RELU_OUTPUT_SCALE),
        Activation("leaky_relu", _leaky_relu, _leaky_relu_backward, output_scale=_RELU_OUTPUT_SCALE),
        Activation("elu", _elu, _elu_backward),
        Activation("selu", _selu, _selu_backward),
        Activation("softplus", _softplus, _softplus_backward, center=np.log(2.0), output_scale=0.5),
        Activation("silu", _silu, _silu_backward, keeps="input", output_scale=0.6),
        Activation("gelu", _gelu, _gelu_backward, keeps="input", output_scale=0.65),
        Activation("mish", _mish, _mish_backward, keeps="input", output_scale=0.65),
        Activation("identity", _change_nothing, _change_nothing),
    )
}
ACTIVATIONS["logistic"] = ACTIVATIONS["sigmoid"]
"""Every activation by name. ELU: Clevert et al. 2016, arXiv:1511.07289. SELU: Klambauer et al. 2017,
arXiv:1706.02515. SiLU and GELU: Hendrycks & Gimpel 2016, arXiv:1606.08415. Mish: Misra 2019, arXiv:1908.08681."""

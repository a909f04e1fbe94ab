"""Tables whose truth is known: three for many rows, and four smooth functions of few.

=============  ======================================================================================================
name           what is to be learnt
=============  ======================================================================================================
made/smooth    a smooth function of six of ten numbers
made/jumps     a function of five of ten numbers that is constant between thresholds
made/levels    the probability of a class: three columns of 30, 300 and 3,000 categories, and three numbers
smooth/...     borehole, OTL circuit, piston and wing weight: formulas of engineering by which others compare models of
               computer experiments (Surjanovic and Bingham, Virtual Library of Simulation Experiments)
=============  ======================================================================================================

Numbers get normal noise of 0.3 standard deviations of the function in made tables, and of 0.1 in smooth ones.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.benchmarks.tables.sources import Table

Truth = tuple[pd.DataFrame, np.ndarray]  # the inputs, and the function's values or the second class's probabilities


def made(name: str, n_rows: int, seed: int, n_test: int) -> tuple[Table, np.ndarray]:
    """Return a table whose last `n_test` rows are for testing, and its truth."""
    rng = np.random.default_rng([seed, n_rows])
    X, truth = FUNCTIONS[name](n_rows + n_test, rng)
    if name == "made/levels":
        y = pd.Series(np.where(rng.random(len(truth)) < truth, "yes", "no"), dtype="category")
    else:
        noise = 0.1 if name.startswith("smooth/") else 0.3
        y = pd.Series(truth + noise * truth.std() * rng.normal(size=len(truth)))
    return Table(name, "made", X, y, "y"), truth


# -- many rows


def smooth(n: int, rng: np.random.Generator) -> Truth:
    x = rng.normal(size=(10, n))
    f = np.sin(2 * x[0] + x[1]) + x[2] * x[3] / 2 + np.exp(-(x[4] ** 2)) * x[5]
    return frame_of(x), f


def jumps(n: int, rng: np.random.Generator) -> Truth:
    x = rng.random((10, n))
    heights = np.array([0.0, 1.5, -1.0, 0.5, 2.0, -0.5, 1.0, -1.5])
    f = heights[(8 * x[0]).astype(int)] + np.where((x[1] > 0.6) & (x[2] < 0.3), 2.0, 0.0)
    return frame_of(x), f + np.where(x[3] > 0.25, np.where(x[4] > 0.8, -1.5, 0.5), 0.0)


def levels(n: int, rng: np.random.Generator) -> Truth:
    X, score = {}, np.zeros(n)
    for count in (30, 300, 3000):
        share = 1 / np.arange(1, count + 1) ** 0.7  # a few levels are frequent, most are rare
        codes = rng.choice(count, n, p=share / share.sum())
        effects = np.random.default_rng(count).normal(size=count)  # the same ones for every draw of rows
        score += 0.7 * effects[codes]
        X[f"of_{count}"] = pd.Categorical.from_codes(codes, [f"level {k}" for k in range(count)])
    numbers = rng.normal(size=(3, n))
    score += numbers[0] + np.where(X["of_30"].codes < 3, numbers[1], 0.0)
    return pd.DataFrame(X).join(frame_of(numbers)), 1 / (1 + np.exp(-score))


# -- smooth functions of few rows


def borehole(n: int, rng: np.random.Generator) -> Truth:
    """Water that flows through a borehole, m³ a year."""
    low = [0.05, 100, 63_070, 990, 63.1, 700, 1120, 9855]
    high = [0.15, 50_000, 115_600, 1110, 116, 820, 1680, 12_045]
    x = within(low, high, n, rng)
    radius, influence, upper, upper_head, lower, lower_head, length, conductivity = x
    ratio = np.log(influence / radius)
    below = ratio * (1 + 2 * length * upper / (ratio * radius**2 * conductivity) + upper / lower)
    return frame_of(x), 2 * np.pi * upper * (upper_head - lower_head) / below


def circuit(n: int, rng: np.random.Generator) -> Truth:
    """The midpoint voltage of a push-pull circuit without a transformer."""
    x = within([50, 25, 0.5, 1.2, 0.25, 50], [150, 70, 3, 2.5, 1.2, 300], n, rng)
    b1, b2, f, c1, c2, gain = x
    base, amplified = 12 * b2 / (b1 + b2), gain * (c2 + 9)
    total = amplified + f
    return frame_of(x), (base + 0.74) * amplified / total + 11.35 * f / total + 0.74 * f * amplified / (total * c1)


def piston(n: int, rng: np.random.Generator) -> Truth:
    """Seconds of a cycle of a piston in a cylinder."""
    low = [30, 0.005, 0.002, 1000, 90_000, 290, 340]
    high = [60, 0.020, 0.010, 5000, 110_000, 296, 360]
    x = within(low, high, n, rng)
    mass, area, volume, spring, pressure, ambient, gas = x
    force = pressure * area + 19.62 * mass - spring * volume / area
    heat = pressure * volume / gas * ambient
    final = area / (2 * spring) * (np.sqrt(force**2 + 4 * spring * heat) - force)
    return frame_of(x), 2 * np.pi * np.sqrt(mass / (spring + area**2 * heat / final**2))


def wing(n: int, rng: np.random.Generator) -> Truth:
    """The weight of a light aircraft's wing, pounds."""
    low = [150, 220, 6, -10, 16, 0.5, 0.08, 2.5, 1700, 0.025]
    high = [200, 300, 10, 10, 45, 1, 0.18, 6, 2500, 0.08]
    x = within(low, high, n, rng)
    area, fuel, aspect, sweep, pressure, taper, thickness, load, gross, paint = x
    cosine = np.cos(np.radians(sweep))
    weight = 0.036 * area**0.758 * fuel**0.0035 * (aspect / cosine**2) ** 0.6 * pressure**0.006 * taper**0.04
    return frame_of(x), weight * (100 * thickness / cosine) ** -0.3 * (load * gross) ** 0.49 + area * paint


def within(low: list[float], high: list[float], n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one row of numbers for each pair of bounds."""
    return rng.uniform(np.array(low)[:, np.newaxis], np.array(high)[:, np.newaxis], (len(low), n))


def frame_of(x: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(x.T.copy(), columns=[f"x{k}" for k in range(len(x))])


FUNCTIONS: dict[str, Callable[[int, np.random.Generator], Truth]] = {
    "made/smooth": smooth,
    "made/jumps": jumps,
    "made/levels": levels,
    "smooth/borehole": borehole,
    "smooth/circuit": circuit,
    "smooth/piston": piston,
    "smooth/wing": wing,
}

"""The value of every "auto", by the other parameters and facts about the training rows.

With scikit-learn's own schedules, which have no end, "auto" turns off everything that scikit-learn does not have. So
training with scikit-learn's settings does the same as there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Literal

import numpy as np

from sknet._estimators.conflicts import LEARNT_WITH, refuse_changed_parameters, refuse_conflicts_with_folds
from sknet._estimators.parameters import (
    ClassifierParameters,
    CommonParameters,
    RegressorParameters,
    copy_containers,
    schedule_ends,
    solver_class,
    validation_splitter,
)
from sknet._model.evaluation import Folds, HeldOut, NoEvaluation
from sknet._model.rules_by_rows import FEW_ROWS, LARGE_ROWS, MANY_ROWS, MIN_EVALUATED_ROWS
from sknet._network.losses import REGRESSION_LOSSES, Loss
from sknet._tables.kinds import UNKNOWN_COLUMNS, ColumnSummary
from sknet._tables.rows import IN_MEMORY, TableLimits

CLASSIFIER_SIZES, REGRESSOR_SIZES = (128,), (96, 32)
"""The values of `hidden_layer_sizes="auto"` for a classifier and a regressor."""

UNITS_PER_SET = 8
"""With `hidden_layer_sizes="auto"`, each set of columns that may interact gets at least this many units per layer."""

AUTO_AVERAGING = 0.99
"""The value of `averaging="auto"` if held-out rows evaluate the weights."""

AUTO_DROPOUT = 0.1
"""The value of `dropout="auto"` for a classifier that Adam trains and held-out rows evaluate."""

AUTO_LABEL_SMOOTHING = 0.02
"""The value of `label_smoothing="auto"` if a temperature corrects the smoothed probabilities."""

AUTO_CLIP_NORM = 10.0
"""The value of `clip_norm="auto"` for SGD, whose steps grow with the gradient, which may be huge for counts."""

AUTO_WEIGHT_DECAY = 0.02
"""The value of `weight_decay="auto"` for Adam."""

MAX_COLUMNS_WITH_AUTO_BINS = 50
"""Networks see bins for up to this many numeric columns. In a wider table, such as pixels, bins would make the first
layer huge."""

ROWS_PER_BIN, MAX_BINS_OF_TABLE, MIN_AUTO_BINS, MAX_AUTO_BINS = 24, 256, 12, 128
"""The value of `n_bins="auto"`: one bin for every 24 training rows, at most 256 in all columns together, and 12 to 128
in each column. Targets that vary fast do so along few columns, such as a date or coordinates. Many bins in many columns
make each step slower, and make networks overfit if the loss is already close to 0."""

PATIENCE, FOLDS_PATIENCE, REGRESSOR_FOLDS_PATIENCE, LARGE_PATIENCE = 24, (16, 12, 6), (8, 6, 6), 4
"""The value of `n_iter_no_change="auto"`: in general, with folds (below `FEW_ROWS`, below `MANY_ROWS`, above), and on
large tables. Regression losses vary less from epoch to epoch than classification losses."""

FRACTION_HELD_OUT, LARGE_FRACTION_HELD_OUT = 0.15, 0.1
"""The value of `validation_fraction="auto"`, in general and for large tables, where thousands of rows are enough."""

TOL, FOLDS_TOL, LARGE_TOL = 1e-4, 1e-3, 2e-3
"""The value of `tol="auto"`: in general (scikit-learn's), with folds, and on large tables, whose losses vary less."""

SMALLEST_PROPORTIONAL_BATCH = 32
"""`batch_size="proportional"` is a 32nd of the rows, from this size to `TableLimits.largest_batch`. So even on small
tables, an epoch has about thirty steps."""

MAX_STEPS, LARGE_BATCH = 300, 1024
"""If an epoch would have more steps than `MAX_STEPS`, batches grow up to `LARGE_BATCH`. On large tables, less noise in
each step is worth more than many steps."""


@dataclass(frozen=True)
class Facts:
    """Facts about the rows, on which "auto" depends in addition to the other parameters."""

    n_rows: int  # training rows
    early_stopping: bool | Literal["folds"]  # what evaluates the epochs: nothing, validation rows, or folds
    n_held_out: int = 0  # rows of the table that are held out
    columns: ColumnSummary = UNKNOWN_COLUMNS
    n_interaction_sets: int = 1  # how many sets of columns `interaction_cst` keeps apart
    limits: TableLimits = IN_MEMORY
    earlier_parameters: Mapping[str, object] | None = None  # the resolved parameters of the fit that learnt the columns
    began_with_increments: bool = False  # with `partial_fit`, which trains a single network

    @property
    def n_table_rows(self) -> int:
        """The number of rows of the table: training rows and held-out rows, without `X_val`."""
        return self.n_rows + self.n_held_out

    @property
    def keeps_all_categories(self) -> bool:
        """Whether rare categories keep an input; if epochs are not evaluated, so that k `partial_fit` equal a `fit`."""
        return not self.early_stopping


# --- what evaluates the epochs ----------------------------------------------------------------------------------------


def evaluation_class(
    p: CommonParameters, n_rows: int, limits: TableLimits = IN_MEMORY
) -> type[NoEvaluation | HeldOut | Folds]:
    """Return what evaluates the epochs of a fit to n rows, if the user passes no validation rows."""
    if validation_splitter(p) is not None or p.early_stopping == "folds":
        refuse_conflicts_with_folds(p)
        return Folds
    if p.early_stopping == "auto" and n_rows < LARGE_ROWS:
        if n_rows < MIN_EVALUATED_ROWS:
            return NoEvaluation
        # without folds, rows are held out as below; a single epoch leaves nothing to choose
        if p.max_iter > 1 and suits_folds(p) and not limits.is_sequential:
            return Folds
    return HeldOut if p.early_stopping else NoEvaluation


def fraction_to_hold_out(p: CommonParameters, n_rows: int, limits: TableLimits = IN_MEMORY) -> float:
    """Return the fraction of the table's rows to hold out."""
    fraction = fraction_held_out(n_rows) if isinstance(p.validation_fraction, str) else float(p.validation_fraction)
    return min(fraction, limits.max_held_out / n_rows)


def fraction_held_out(n_rows: int) -> float:
    """Return the value of `validation_fraction="auto"` for n rows."""
    return LARGE_FRACTION_HELD_OUT if n_rows >= LARGE_ROWS else FRACTION_HELD_OUT


def suits_folds(p: CommonParameters) -> bool:
    """Whether `early_stopping="auto"` means folds on smaller tables.

    It does unless a parameter is set that needs held-out rows, or that belongs to scikit-learn's way of training.
    """
    is_default = p.scoring == "loss" and p.validation_fraction == "auto" and not p.warm_start
    return is_default and solver_class(p.solver).is_first_order and schedule_ends(p)


# --- what each "auto" becomes ----------------------------------------------------------------------------------------


def replace_autos(parameters: CommonParameters, facts: Facts) -> CommonParameters:
    """Return a copy of the parameters with every "auto" replaced. Set on an estimator, they give the same fit."""
    own_class = ClassifierParameters if isinstance(parameters, ClassifierParameters) else RegressorParameters
    names = [field.name for field in fields(own_class)]
    # `parameters` is an estimator: copy only the fields, not attributes or parameters of a subclass
    resolved = own_class(**dict(zip(names, map(copy_containers, attrgetter(*names)(parameters)), strict=True)))
    resolved.n_members = choose_n_members(resolved, facts)  # first: whether networks see bins depends on it
    for name, answer in auto_values(resolved, facts).items():
        value = getattr(resolved, name)
        if isinstance(value, str) and value in ("auto", "proportional"):  # `value in` alone would compare arrays, too
            setattr(resolved, name, answer)
    if isinstance(resolved, RegressorParameters) and not takes_scaled_targets(resolved.loss):
        resolved.target_scaling = None
    if facts.earlier_parameters is not None:
        refuse_changed_parameters(resolved, facts.earlier_parameters)
    resolved.batch_size = min(facts.n_rows, int(resolved.batch_size))
    # "folds", True or False; False also if there are too few rows to hold out
    resolved.early_stopping = facts.early_stopping
    if isinstance(resolved, ClassifierParameters):
        resolved.temperature_scaling = bool(resolved.temperature_scaling and facts.early_stopping)
        if resolved.label_smoothing == "auto":  # a temperature corrects the smoothed probabilities
            resolved.label_smoothing = AUTO_LABEL_SMOOTHING if resolved.temperature_scaling else 0.0
    return resolved


def takes_scaled_targets(loss: str | Loss) -> bool:
    """Whether a regressor's loss allows scaled targets; a user's loss with its own link does not."""
    if isinstance(loss, str):  # the same for all options of a loss
        return REGRESSION_LOSSES[loss].make().takes_scaled_targets
    return loss.takes_scaled_targets


def auto_values(p: CommonParameters, facts: Facts) -> dict[str, object]:
    """Return the value of "auto" for all parameters except `n_members` and `label_smoothing`.

    `n_members` is resolved before, and `label_smoothing` afterwards, since it depends on the temperature.
    """
    n = facts.n_rows
    is_evaluated = bool(facts.early_stopping)
    ours = schedule_ends(p)  # whether the schedule is one of ours; scikit-learn's schedules have no end
    by_adam, first_order = p.solver == "adam", solver_class(p.solver).is_first_order
    is_large = facts.n_table_rows >= LARGE_ROWS and ours
    largest_batch = max(facts.limits.largest_batch, min(n // MAX_STEPS, LARGE_BATCH))
    proportional = int(np.clip(n // 32, SMALLEST_PROPORTIONAL_BATCH, largest_batch))
    values: dict[str, object] = {
        "hidden_layer_sizes": auto_sizes(p, facts),
        "dtype": "float32" if first_order and n >= FEW_ROWS else "float64",
        "batch_size": proportional if p.batch_size == "proportional" else 200,  # scikit-learn's
        "averaging": AUTO_AVERAGING if is_evaluated and ours else 0.0,
        "dropout": 0.0,
        "clip_norm": AUTO_CLIP_NORM if p.solver == "sgd" and ours else None,
        "weight_decay": AUTO_WEIGHT_DECAY if by_adam and ours else 0.0,
        "init": "centred",
        "validation_fraction": fraction_held_out(facts.n_table_rows),
        "tol": LARGE_TOL if is_large and first_order else TOL,
        "n_iter_no_change": LARGE_PATIENCE if is_large else PATIENCE,
        "numeric_encoding": "raw",
        "input_gains": first_order and may_choose_network(p, facts) and has_hidden_layers(p),
        "n_bins": auto_n_bins(n, facts.columns.n_numbers),
        "category_encoding": "one_hot",
        "text_features": list(facts.columns.text_names) or None,
    }
    if facts.early_stopping == "folds":
        by_rows = FOLDS_PATIENCE if isinstance(p, ClassifierParameters) else REGRESSOR_FOLDS_PATIENCE
        patience = by_rows[(n >= FEW_ROWS) + (n >= MANY_ROWS)]  # index 0, 1 or 2
        # float32 even for few rows, since several networks are trained and float64 takes twice the time
        values |= {"n_iter_no_change": patience, "tol": FOLDS_TOL, "dtype": "float32"}
    if facts.earlier_parameters is not None:  # training continues with the learnt encoders
        values |= {name: facts.earlier_parameters[name] for name in LEARNT_WITH if name in values}
        values["input_gains"] = values["input_gains"] and first_order
    # bins and target means change the inputs
    elif may_choose_network(p, facts):
        if 0 < facts.columns.n_numbers <= MAX_COLUMNS_WITH_AUTO_BINS and int(p.n_members) > 1:
            values["numeric_encoding"] = "auto"  # members with and without bins alternate
        elif 0 < facts.columns.n_numbers <= MAX_COLUMNS_WITH_AUTO_BINS and n >= MANY_ROWS:
            values["numeric_encoding"] = auto_numeric_encoding(p, is_evaluated=is_evaluated)
        # `partial_fit` would keep the means of its first call
        if facts.columns.has_many_categories and not facts.began_with_increments:
            values["category_encoding"] = "both"
    if isinstance(p, ClassifierParameters):
        values["dropout"] = AUTO_DROPOUT if by_adam and is_evaluated and ours else 0.0
        can_scale = p.loss == "log_loss" and first_order and p.max_norm is None
        values["temperature_scaling"] = can_scale and is_evaluated and ours
    return values


def auto_n_bins(n_rows: int, n_numbers: int) -> int:
    """Return the value of `n_bins="auto"` for a table with `n_numbers` numeric columns."""
    n_bins = min(n_rows // ROWS_PER_BIN, MAX_BINS_OF_TABLE // max(n_numbers, 1))
    return int(np.clip(n_bins, MIN_AUTO_BINS, MAX_AUTO_BINS))


def auto_sizes(p: CommonParameters, facts: Facts) -> tuple[int, ...] | int:
    """Return the value of `hidden_layer_sizes="auto"`, larger if sets of columns share the units."""
    if facts.earlier_parameters is not None:  # training continues from weights of these sizes
        return facts.earlier_parameters["hidden_layer_sizes"]  # type: ignore[return-value]
    sizes: tuple[int, ...] = CLASSIFIER_SIZES if isinstance(p, ClassifierParameters) else REGRESSOR_SIZES
    if facts.n_interaction_sets > 1:
        sizes = tuple([max(size, UNITS_PER_SET * facts.n_interaction_sets) for size in sizes])
    return sizes if p.depth == 1 else sizes[0]  # `depth` layers of the first size


def auto_numeric_encoding(p: CommonParameters, *, is_evaluated: bool) -> str:
    """Return the encoding of numbers for networks that see bins, with `numeric_encoding="auto"`.

    A classifier's networks get steps if epochs are evaluated. Otherwise they do not, so that k calls of `partial_fit`
    equal one fit, and a row of weight 2 equals two rows.
    """
    return "steps" if isinstance(p, ClassifierParameters) and is_evaluated else "piecewise_linear"


def may_choose_network(p: CommonParameters, facts: Facts) -> bool:
    """Whether "auto" may add inputs to the network.

    It may not with the user's initial weights, with unscaled or sparse inputs, or with scikit-learn's schedules.
    """
    return not (isinstance(p.init, tuple) or p.input_scaling is None or facts.columns.is_sparse) and schedule_ends(p)


def has_hidden_layers(p: CommonParameters) -> bool:
    """Whether `hidden_layer_sizes` asks for a hidden layer; only an empty list does not."""
    sizes = p.hidden_layer_sizes
    return isinstance(sizes, str) or not hasattr(sizes, "__len__") or len(sizes) > 0


def choose_n_members(p: CommonParameters, facts: Facts) -> int:
    """Return the number of networks to train; raise if `n_members` asks for several and another setting forbids it."""
    if facts.began_with_increments:
        return 1
    if facts.earlier_parameters is not None and p.n_members == "auto":
        # the members were joined into one network, `n_members` times as wide: see `make_settings`
        return int(facts.earlier_parameters["n_members"])  # type: ignore[call-overload]
    reasons = single_network_reasons(p, facts)
    if p.n_members == "auto":
        return 2 if not reasons and facts.early_stopping else 1
    n_members = int(p.n_members)
    if n_members > 1 and reasons and facts.earlier_parameters is None:
        raise ValueError(
            f"n_members={n_members} does not go with {reasons[0]}, which takes a single network: leave it out, or set "
            "n_members=1."
        )
    return n_members


def single_network_reasons(p: CommonParameters, facts: Facts) -> list[str]:
    """Return the settings that allow only a single network, as text for a message."""
    reasons = {
        f"learning_rate={p.learning_rate!r}": not schedule_ends(p),
        "init=(coefs, intercepts)": isinstance(p.init, tuple),
        "input_scaling=None": p.input_scaling is None,
        "sparse X": facts.columns.is_sparse,
        f"solver={p.solver!r}": not solver_class(p.solver).is_first_order,
        "a stream": facts.limits.is_sequential,
    }
    return [reason for reason, is_set in reasons.items() if is_set]

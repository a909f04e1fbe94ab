"""What every "auto" becomes, which depends on the other parameters and on facts about the rows to train on.

With scikit-learn's own schedules, which have no end, everything that scikit-learn does not have stays off unless it is
set: with its settings, training does what it does there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter

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
from sknet._model.evaluation import Evaluation, Folds, HeldOut, NoEvaluation
from sknet._model.row_thresholds import FEW_ROWS, LARGE_ROWS, MANY_ROWS, MIN_EVALUATED_ROWS
from sknet._network.losses import Loss
from sknet._network.regression_losses import REGRESSION_LOSSES
from sknet._tables.rows import IN_MEMORY, TableLimits
from sknet._tables.survey import UNKNOWN_COLUMNS, ColumnSummary

CLASSIFIER_SIZES, REGRESSOR_SIZES = (128,), (96, 32)
"""What a classifier's and a regressor's `hidden_layer_sizes="auto"` means."""

UNITS_PER_SET = 8
"""How many units in each layer `hidden_layer_sizes="auto"` gives every set of columns that may interact, at least."""

AUTO_AVERAGING = 0.99
"""The decay that `averaging="auto"` means where held-out rows evaluate the weights."""

AUTO_DROPOUT = 0.1
"""The rate that `dropout="auto"` means for a classifier that Adam trains and held-out rows evaluate."""

AUTO_LABEL_SMOOTHING = 0.02
"""What `label_smoothing="auto"` means where a temperature undoes what smoothing does to the probabilities."""

AUTO_CLIP_NORM = 10.0
"""What `clip_norm="auto"` means for SGD, whose steps are as long as the gradient: those of counts may be huge."""

AUTO_WEIGHT_DECAY = 0.02
"""What `weight_decay="auto"` means for Adam."""

MAX_COLUMNS_WITH_AUTO_BINS = 50
"""Up to this many columns of numbers, networks see bins: in a wider table, of pixels perhaps, the first layer would be
huge."""

ROWS_PER_BIN, MAX_BINS_OF_TABLE, MIN_AUTO_BINS, MAX_AUTO_BINS = 24, 256, 12, 128
"""What `n_bins="auto"` means: a bin for every 24 training rows, at most 256 in all columns together, and 12 to 128 in
each column. Functions that vary fast do so along few columns, such as a date or coordinates. Many bins in many columns
make networks overfit on tables that are almost solved, and every step takes longer."""

PATIENCE, FOLDS_PATIENCE, REGRESSOR_FOLDS_PATIENCE, LARGE_PATIENCE = 24, (16, 12, 6), (8, 6, 6), 4
"""How many epochs `n_iter_no_change="auto"` waits for a better one: in general, with folds (below
`FEW_ROWS`, below `MANY_ROWS`, from there on), on large tables. The loss of numbers is steadier than that of labels."""

FRACTION_HELD_OUT, LARGE_FRACTION_HELD_OUT = 0.15, 0.1
"""What `validation_fraction="auto"` holds out, in general and of large tables: thousands of rows are enough."""

TOL, FOLDS_TOL, LARGE_TOL = 1e-4, 1e-3, 2e-3
"""What `tol="auto"` means: scikit-learn's; with folds and on large tables, whose losses are steadier."""

SMALLEST_PROPORTIONAL_BATCH = 32
"""From here to `TableLimits.largest_batch`, `batch_size="proportional"` is a 32nd of the rows: some thirty steps per
epoch, small tables too."""

MAX_STEPS, LARGE_BATCH = 300, 1024
"""Where an epoch would have more steps, batches grow on, up to this one: with more rows the last step's noise counts
for more than the number of steps does."""


@dataclass(frozen=True)
class Facts:
    """The facts about the rows, on which "auto" depends besides the other parameters."""

    n_rows: int  # to train on
    evaluation: Evaluation
    columns: ColumnSummary = UNKNOWN_COLUMNS
    n_interaction_sets: int = 1  # how many sets of columns `interaction_cst` keeps apart
    limits: TableLimits = IN_MEMORY
    earlier_parameters: Mapping[str, object] | None = None  # what was resolved when the columns were learnt
    began_with_increments: bool = False  # by `partial_fit`, which has one network whatever `n_members` says

    @property
    def n_table_rows(self) -> int:
        """How many rows the table has: to train on and held out of it; not those of `X_val`."""
        return self.n_rows + (len(self.evaluation.held_out) if isinstance(self.evaluation, HeldOut) else 0)

    @property
    def keeps_all_categories(self) -> bool:
        """Whether rare categories keep an input: where nothing evaluates epochs, so k `partial_fit` are one `fit`."""
        return not self.evaluation.early_stopping


# --- what evaluates the epochs ----------------------------------------------------------------------------------------


def evaluation_class(
    p: CommonParameters, n_rows: int, limits: TableLimits = IN_MEMORY
) -> type[NoEvaluation | HeldOut | Folds]:
    """Return what evaluates the epochs of a fit to n rows of a table, if the user passes no rows for it."""
    if validation_splitter(p) is not None or p.early_stopping == "folds":
        refuse_conflicts_with_folds(p)
        return Folds
    if p.early_stopping == "auto" and n_rows < LARGE_ROWS:
        if n_rows < MIN_EVALUATED_ROWS:
            return NoEvaluation
        # where folds do not suit (of a single epoch there is nothing to choose), rows are held out, as below
        if p.max_iter > 1 and suits_folds(p) and not limits.is_sequential:
            return Folds
    return HeldOut if p.early_stopping else NoEvaluation


def fraction_to_hold_out(p: CommonParameters, n_rows: int, limits: TableLimits = IN_MEMORY) -> float:
    """Return which fraction of the table's rows is held out."""
    fraction = fraction_held_out(n_rows) if isinstance(p.validation_fraction, str) else float(p.validation_fraction)
    return min(fraction, limits.max_held_out / n_rows)


def fraction_held_out(n_rows: int) -> float:
    """Return which fraction of n rows `validation_fraction="auto"` holds out."""
    return LARGE_FRACTION_HELD_OUT if n_rows >= LARGE_ROWS else FRACTION_HELD_OUT


def suits_folds(p: CommonParameters) -> bool:
    """Whether `early_stopping="auto"` means folds on a smaller table.

    Not where something is set that belongs to held-out rows or to scikit-learn.
    """
    is_default = p.scoring == "loss" and p.validation_fraction == "auto" and not p.warm_start
    return is_default and solver_class(p.solver).is_first_order and schedule_ends(p)


# --- what each "auto" becomes ----------------------------------------------------------------------------------------


def replace_autos(parameters: CommonParameters, facts: Facts) -> CommonParameters:
    """Return a copy of the parameters with every "auto" answered: set on an estimator, they give the same fit."""
    own_class = ClassifierParameters if isinstance(parameters, ClassifierParameters) else RegressorParameters
    names = [field.name for field in fields(own_class)]
    # `parameters` is an estimator: of it, only the fields are copied, and none that a subclass adds
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
    resolved.early_stopping = (
        facts.evaluation.early_stopping
    )  # "folds"; False where True was asked for, and the rows were too few
    if isinstance(resolved, ClassifierParameters):
        resolved.temperature_scaling = bool(resolved.temperature_scaling and facts.evaluation.early_stopping)
        if resolved.label_smoothing == "auto":  # a temperature undoes what smoothing does to the probabilities
            resolved.label_smoothing = AUTO_LABEL_SMOOTHING if resolved.temperature_scaling else 0.0
    return resolved


def takes_scaled_targets(loss: str | Loss) -> bool:
    """Whether a regressor's loss may see its targets scaled; those of a user with a link of their own may not."""
    if isinstance(loss, str):  # quantiles may, be they one level or several
        return REGRESSION_LOSSES[loss].make().takes_scaled_targets
    return loss.takes_scaled_targets


def auto_values(p: CommonParameters, facts: Facts) -> dict[str, object]:
    """Return what "auto" stands for, of all parameters but `n_members` and `label_smoothing`, set to it or not.

    `n_members` is known before, and `label_smoothing` depends on what the temperature becomes.
    """
    n = facts.n_rows
    is_evaluated = bool(facts.evaluation.early_stopping)
    ours = schedule_ends(p)  # a schedule of ours; scikit-learn's go on until something else ends training
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
    if facts.evaluation.early_stopping == "folds":
        by_rows = FOLDS_PATIENCE if isinstance(p, ClassifierParameters) else REGRESSOR_FOLDS_PATIENCE
        patience = by_rows[(n >= FEW_ROWS) + (n >= MANY_ROWS)]  # index 0, 1 or 2
        # float32 even for few rows: with folds there are several networks to train, and float64 takes twice the time
        values |= {"n_iter_no_change": patience, "tol": FOLDS_TOL, "dtype": "float32"}
    if facts.earlier_parameters is not None:  # training goes on: the encoders that were learnt stay
        values |= {name: facts.earlier_parameters[name] for name in LEARNT_WITH if name in values}
    # bins and target means change the number of inputs, or their meaning
    elif may_choose_network(p, facts):
        if 0 < facts.columns.n_numbers <= MAX_COLUMNS_WITH_AUTO_BINS and int(p.n_members) > 1:
            values["numeric_encoding"] = "auto"  # by turns: members with bins and members without
        elif 0 < facts.columns.n_numbers <= MAX_COLUMNS_WITH_AUTO_BINS and n >= MANY_ROWS:
            values["numeric_encoding"] = auto_numeric_encoding(p, is_evaluated=is_evaluated)
        # in increments, means of a first part of the rows would stay for ever
        if facts.columns.has_many_categories and not facts.began_with_increments:
            values["category_encoding"] = "both"
    if isinstance(p, ClassifierParameters):
        values["dropout"] = AUTO_DROPOUT if by_adam and is_evaluated and ours else 0.0
        can_scale = p.loss == "log_loss" and first_order and p.max_norm is None
        values["temperature_scaling"] = can_scale and is_evaluated and ours
    return values


def auto_n_bins(n_rows: int, n_numbers: int) -> int:
    """Return what `n_bins="auto"` means for a table with so many columns of numbers."""
    n_bins = min(n_rows // ROWS_PER_BIN, MAX_BINS_OF_TABLE // max(n_numbers, 1))
    return int(np.clip(n_bins, MIN_AUTO_BINS, MAX_AUTO_BINS))


def auto_sizes(p: CommonParameters, facts: Facts) -> tuple[int, ...] | int:
    """Return what `hidden_layer_sizes="auto"` means: larger layers where sets of columns share the units."""
    if facts.earlier_parameters is not None:  # training goes on from these weights
        return facts.earlier_parameters["hidden_layer_sizes"]  # type: ignore[return-value]
    sizes: tuple[int, ...] = CLASSIFIER_SIZES if isinstance(p, ClassifierParameters) else REGRESSOR_SIZES
    if facts.n_interaction_sets > 1:
        sizes = tuple([max(size, UNITS_PER_SET * facts.n_interaction_sets) for size in sizes])
    return sizes if p.depth == 1 else sizes[0]  # depth alone: as many layers of the first size


def auto_numeric_encoding(p: CommonParameters, *, is_evaluated: bool) -> str:
    """Return how `numeric_encoding="auto"` encodes numbers for a network that sees bins.

    A classifier's have steps, but not where nothing evaluates the epochs: there, k `partial_fit` equal one fit, and a
    row of weight 2 equals two rows.
    """
    return "steps" if isinstance(p, ClassifierParameters) and is_evaluated else "piecewise_linear"


def may_choose_network(p: CommonParameters, facts: Facts) -> bool:
    """Whether "auto" may give the network other inputs than scikit-learn's has.

    Not for weights that the user gives, not for inputs that are to stay as they are, not for sparse ones, and not where
    training is to be scikit-learn's.
    """
    return not (isinstance(p.init, tuple) or p.input_scaling is None or facts.columns.is_sparse) and schedule_ends(p)


def has_hidden_layers(p: CommonParameters) -> bool:
    """Whether `hidden_layer_sizes` names a layer: an int and "auto" do, an empty list does not."""
    sizes = p.hidden_layer_sizes
    return isinstance(sizes, str) or not hasattr(sizes, "__len__") or len(sizes) > 0


def choose_n_members(p: CommonParameters, facts: Facts) -> int:
    """Return how many networks are trained side by side; raise where several are asked for and only one can be."""
    if facts.began_with_increments:
        return 1
    if facts.earlier_parameters is not None and p.n_members == "auto":
        # the members have been joined into one network, `n_members` times as wide: see `make_settings`
        return int(facts.earlier_parameters["n_members"])  # type: ignore[call-overload]
    reasons = single_network_reasons(p, facts)
    if p.n_members == "auto":
        return 2 if not reasons and facts.evaluation.early_stopping else 1
    n_members = int(p.n_members)
    if n_members > 1 and reasons and facts.earlier_parameters is None:
        raise ValueError(
            f"n_members={n_members} does not go with {reasons[0]}, which takes a single network: leave it out, or set "
            "n_members=1."
        )
    return n_members


def single_network_reasons(p: CommonParameters, facts: Facts) -> list[str]:
    """Return the settings that need a single network, as text for a message."""
    reasons = {
        f"learning_rate={p.learning_rate!r}": not schedule_ends(p),
        "init=(coefs, intercepts)": isinstance(p.init, tuple),
        "input_scaling=None": p.input_scaling is None,
        "sparse X": facts.columns.is_sparse,
        f"solver={p.solver!r}": not solver_class(p.solver).is_first_order,
        "a stream": facts.limits.is_sequential,
    }
    return [reason for reason, is_set in reasons.items() if is_set]

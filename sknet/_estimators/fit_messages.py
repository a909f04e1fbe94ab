"""Messages of a fit: its warnings, the last line that `verbose` prints, and why training diverged."""

from collections.abc import Mapping, Sequence
from math import isclose, isfinite, log

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from sknet._estimators.fitted import Fitted, warn_of_unread_columns
from sknet._estimators.parameters import (
    AGAINST_FOLDS,
    FULL_BATCHES,
    ClassifierParameters,
    CommonParameters,
    column_choices,
    none_holds,
)
from sknet._estimators.read_data import FitArguments
from sknet._estimators.sklearn_api import warn
from sknet._model.baseline import ComparisonWithConstant
from sknet._model.encoding import Encoding
from sknet._model.rows import FeatureTable, Rows
from sknet._network.losses import Loss
from sknet._network.temperature import MAX_LOG_TEMPERATURE
from sknet._tables.column import MIN_VALUES_TO_WARN
from sknet._tables.encoder import TableEncoder
from sknet._tables.kinds import Survey
from sknet._tables.messages import short_list, short_repr
from sknet._tables.missing_codes import MissingCode
from sknet._tables.new_rows import (
    columns_outside_training,
    numbers_outside_training,
    read_new_values,
    rows_to_compare,
)
from sknet._tables.raw_table import column_in_code, have_equal_values, is_frame
from sknet._tables.splitting import MIN_ROWS_HELD_OUT, Split
from sknet._training.loop import MiniBatchSolver
from sknet._training.optimizers import ScheduleInput
from sknet._training.solver import DivergedError, EndReason, Solver, State, TrainingEnd
from sknet._typing import Array, Table, Target

END_REASON_MESSAGES = {
    EndReason.FINISHED: "All epochs of the schedule are done.",
    EndReason.MAX_ITER: "Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet.",
    EndReason.LOSS_PLATEAU: "Training loss {verdict}.",
    EndReason.SCORE_PLATEAU: "Validation score {verdict}.",
    EndReason.CALLBACK: "A callback asked to stop.",
    EndReason.INTERRUPTED: "Training interrupted by user.",
    EndReason.CONVERGED: "The gradient or the decrease of the objective is below tol={tol:g}.",
    EndReason.LINE_SEARCH: "L-BFGS ended early.",
}
"""Why training ended. A name in braces is replaced by the value of that parameter, `verdict` by that of `Patience`."""

UNFINISHED_END_REASONS = (EndReason.MAX_ITER, EndReason.LINE_SEARCH)
"""Stop reasons that cause a warning."""


def print_end_reason(resolved: Mapping[str, object], end: TrainingEnd, verdict: str) -> None:
    """Print why training ended, unless a warning says so; `resolved` are the resolved parameters.

    `verdict` is that of `Patience`.
    """
    if end.reason is EndReason.FINISHED and resolved["early_stopping"] == "folds":
        print(f"All {end.epochs_done} epochs that folds have chosen are done. Stopping.")
    elif end.reason not in (*UNFINISHED_END_REASONS, EndReason.INTERRUPTED):
        print(f"{END_REASON_MESSAGES[end.reason].format(**resolved, verdict=verdict)} Stopping.")


def warn_of_undefined_scores(scoring: object) -> None:
    """Warn that no epoch of a network had a score."""
    warn(
        f"scoring={scoring!r} gave no score that is a number: the epoch of the lowest validation loss was kept. "
        "Choose another scoring, or hold out more rows.",
        RuntimeWarning,
    )


def warn_of_end_reason(
    params: CommonParameters, end: TrainingEnd, *, quiet: bool, during_folds: bool, n_chosen: int | None = None
) -> None:
    """Warn if training did not end as planned.

    With `quiet`, running out of epochs is normal. With `during_folds`, training ended while folds chose the epoch.
    `n_chosen` is how many epochs they have chosen for the published networks.
    """
    if n_chosen is not None and end.is_by_user and end.epochs_done < n_chosen:
        warn(
            f"{END_REASON_MESSAGES[end.reason]} The members were trained for {end.epochs_done} of the {n_chosen} "
            "epochs that folds have chosen: predictions are worse than those of the folds, from which intervals and "
            "prediction sets come, so these are too narrow. Train for longer, or set early_stopping=True.",
            UserWarning,
        )
    elif end.reason is EndReason.INTERRUPTED or (end.reason is EndReason.CALLBACK and during_folds):
        text = END_REASON_MESSAGES[end.reason]
        if during_folds:
            text += (
                " Folds were choosing the epoch: the estimator has the members of the first fold after epoch "
                f"{end.epochs_done}, trained without the rows of that fold, and has no prediction sets or "
                "intervals. Train for longer, or set early_stopping=True."
            )
        warn(text, UserWarning)
    elif end.reason in UNFINISHED_END_REASONS and not quiet:
        text = f"Stochastic Optimizer: {END_REASON_MESSAGES[end.reason].format(**vars(params))}"
        if FULL_BATCHES.holds(params):
            why = end.message or "max_iter is reached"
            text = (
                f"{params.solver} failed to converge after {end.epochs_done} iteration(s): {why}. "
                "Increase max_iter or max_fun, or raise tol."
            )
        warn(text, ConvergenceWarning)


def warn_of_doubtful_result(params: CommonParameters, fitted: Fitted, comparison: ComparisonWithConstant) -> None:
    """Warn of a temperature at its limit, or of a model or networks that are no better than a constant."""
    rate = float(params.learning_rate_init)
    ordinary = CommonParameters.learning_rate_init
    has_rate = not FULL_BATCHES.holds(params)
    temperature = fitted.model.network.temperature
    is_rate_to_blame = comparison.is_no_better and has_rate and rate > ordinary
    is_at_limit = isinstance(params, ClassifierParameters) and abs(log(temperature)) > MAX_LOG_TEMPERATURE - 1e-6
    if is_at_limit and not is_rate_to_blame:  # for rare counts, it says no more than the comparison with a constant
        warn(
            f"temperature_={temperature:.3g} is the limit of calibration: the held-out rows are unlike the training "
            "rows, so probabilities mean little. Check groups, X_val and the order of the rows.",
            UserWarning,
        )
        return
    if comparison.is_no_better:
        if has_rate:
            set_to = f"learning_rate_init={rate:g}"
            best = "epoch"
            lower = min(rate / 10.0, ordinary)
            rate_to_try = "another rate" if rate == ordinary else f"{lower if rate > ordinary else ordinary:g}"
            remedy = f"{rate_to_try}, or less regularisation (alpha, weight_decay, dropout)"
        else:
            set_to = f"solver={params.solver!r}"
            best = "iteration"
            remedy = "a smaller tol or alpha, and in a regressor target_scaling='standard'"
        verdict = f"the best {best} is no better than a constant prediction"
        advice = f"Try {remedy}"
        if comparison.on_held_out_rows and (rate == ordinary or not has_rate):
            verdict += " on the held-out rows"
            advice = (
                "With a weak signal, such as insurance claims, this may be chance: compare both by cross-validation. "
                f"Otherwise, try {remedy}"
            )
        warn(
            f"{set_to}: {verdict}. {advice}; if nothing helps, X may hold no information about y.",
            ConvergenceWarning,
        )
    if comparison.n_collapsed:  # this is set only after folds, so there is a learning rate
        n_networks = max(1, len(fitted.member_epochs))
        check = "This happens to networks of many layers. Give fewer layers"
        if len(fitted.model.network.coefs) <= 2:  # at most one hidden layer
            check = "Check whether few rows have nearly all of sample_weight"
        warn(
            f"hidden_layer_sizes={short_repr(params.hidden_layer_sizes)}: of {n_networks} published network(s), "
            f"{comparison.n_collapsed} learnt nothing beyond a constant prediction, although the networks of folds "
            f"did. {check}, or set learning_rate_init={rate / 3.0:.2g}.",
            ConvergenceWarning,
        )


def warn_of_groups_of_one_class(strata: Array | None, groups: Array | None) -> None:
    """Warn if each group is a class: the held-out classes are then unknown to training."""
    if strata is None or groups is None:
        return
    n_groups = len(np.unique(groups))
    # there are as many (class, group) pairs as groups and as classes, so each group is one class
    if n_groups == len(np.unique(strata)) == len(np.unique(np.column_stack([strata, groups]), axis=0)) > 1:
        warn(
            "groups: each group is a class of y, so training never sees the classes of the held-out rows, which then "
            "cannot choose an epoch. Pass other groups, or none.",
            UserWarning,
        )


def warn_of_clipped_batches(params: CommonParameters, n: int) -> None:
    """Warn of a `batch_size` of more than n rows."""
    size = params.batch_size
    # this is scikit-learn's own message
    if not FULL_BATCHES.holds(params) and not isinstance(size, str) and size > n:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)


def warn_of_unused_groups(groups: Array | None, why: str, remedy: str) -> None:
    """Warn of groups that have no effect because no rows of the table are held out."""
    if groups is not None:
        warn(f"groups has no effect, as {why}. {remedy}.", UserWarning)


def warn_of_split_groups(groups: Array | None, splits: Sequence[Split], splitter: object) -> None:
    """Warn if a splitter does not keep the rows of a group together."""
    if groups is not None and any(np.isin(groups[held_out], groups[train]).any() for train, held_out in splits):
        warn(
            f"groups: validation_fraction={splitter} gives rows of one group to train on and to hold out, so "
            "validation scores may be too good. Pass a splitter that keeps groups together, such as GroupKFold, or "
            "X_val and y_val from other groups.",
            UserWarning,
        )


def warn_of_few_rows(n: int, fraction: object) -> None:
    """Warn that no rows are held out although `early_stopping` asks for it; `fraction` may be a splitter."""
    warn(
        f"early_stopping: validation_fraction={fraction} of {n} rows leaves fewer than {MIN_ROWS_HELD_OUT} rows to "
        "hold out (or none to train on), so no rows are held out. Pass more rows, a validation_fraction that holds "
        "out more, or X_val and y_val.",
        RuntimeWarning,
    )


def warn_of_few_rows_of_groups(n_held_out: int, fraction: float) -> None:
    """Warn if a share of the groups has few rows, since others have most."""
    if n_held_out < MIN_ROWS_HELD_OUT:
        warn(
            f"groups: a share of {fraction:.2g} of the groups has {n_held_out} rows only, since others are much "
            "larger, and so few rows decide little. If rows of unknown groups share a group, give each of them its "
            "own, or pass X_val and y_val from other groups.",
            UserWarning,
        )


def warn_of_unlike_validation_rows(encoding: Encoding, rows: Rows, validation_rows: Rows) -> None:
    """Warn of validation rows that are the training rows, or have numbers or targets of other magnitudes."""
    X, X_val = rows.X.rows_in_memory(), validation_rows.X.rows_in_memory()
    if have_equal_values(X, X_val):
        warn(
            "X_val holds the rows of X: the validation loss and the intervals are those of training rows, which says "
            "nothing of new rows. Pass other rows, or leave X_val and y_val out: fit then holds rows out itself.",
            UserWarning,
        )
    outside = [encoding.encoder.column_names[j] for j in numbers_outside_training(encoding.encoder, X_val)]
    if outside:
        warn(
            f"Columns {short_list(outside)} of X_val lie mostly outside the range that they have in X. Check the "
            "units, and leave out columns that grow with time.",
            UserWarning,
        )
    if encoding.head.are_unlike_targets_of_fit(validation_rows.y):
        warn(
            "y_val lies mostly far from the values of y. Check the unit, and whether one of them is transformed.",
            UserWarning,
        )


def warn_of_held_out_rows_trained_on_earlier(earlier: Fitted | None, held_out_digest: str, fraction: float) -> None:
    """Warn if a warm start holds out rows that the earlier call may have trained on."""
    if earlier is None or earlier.held_out_digest == held_out_digest:
        return
    trained = (
        "has held out other rows, or rows with other targets" if earlier.held_out_digest else "trained on all rows"
    )
    warn(
        f"early_stopping: validation_fraction={fraction} of the rows is held out, but this is a warm start, and the "
        f"earlier call {trained}. Some rows that are held out now may have been trained on: validation scores "
        "may be too good. Pass X_val and y_val, or call fit with warm_start=False.",
        RuntimeWarning,
    )


def warn_of_misread_columns(survey: Survey, X: Table, *, is_polars: bool) -> None:
    """Warn of text columns, perhaps of a polars frame, whose values are numbers, dates or durations."""
    cast = "cast(pl.Categorical)" if is_polars else "astype('category')"
    for j, advice in survey.misread.items():
        warn(
            f"Column {survey.names[j]!r} of X {advice} If it is a category, use {column_in_code(X, j)}.{cast} or "
            f"categorical_features=['from_dtype', {survey.names[j]!r}].",
            UserWarning,
        )


def warn_of_missing_codes(codes: Mapping[str, MissingCode], survey: Survey, X: Table, *, is_polars: bool) -> None:
    """Warn of numbers that may stand for missing values, by column; `is_polars` if the calls are for a polars frame."""
    if not codes:
        return
    name, first = next(iter(codes.items()))
    code = first.literal
    further_columns = f" Such numbers are also in {short_list([*codes][1:])}." if len(codes) > 1 else ""
    j = survey.names.index(name)
    if is_polars:
        call = f"X = X.with_columns(pl.col({name!r}).replace({code}, None))"
    elif isinstance(X, pd.DataFrame):
        call = f"X = X.replace({{{X.columns.tolist()[j]!r}: {code}}}, np.nan)"
    else:
        call = f"X = np.where((X == {code}) & (np.arange(X.shape[1]) == {j}), np.nan, X)"
    warn(
        f"Column {name!r} of X is {first}.{further_columns} If such numbers stand for missing values, replace them, "
        f"also before predictions: {call}.",
        UserWarning,
    )


def warn_of_copies(n_copies: int, n: int, X: Table, *, is_polars: bool) -> None:
    """Warn of copies of rows, of which some are held out and others are trained on."""
    frame = "X.to_pandas()" if is_polars else "X"
    groups = f"{frame}.groupby(list(X.columns), dropna=False).ngroup()"
    if not isinstance(X, pd.DataFrame):
        groups = "np.unique(X, axis=0, return_inverse=True)[1]"
    warn(
        f"{n_copies} of {n} rows are copies of others, and fit holds out rows at random: it trains on copies of the "
        "rows that it holds out, so the held-out loss is too low, and intervals are too narrow. Keep copies together "
        f"with groups={groups}, or pass each row once: sample_weight and class_weight='balanced' replace copies.",
        UserWarning,
    )


def warn_of_time_order(params: CommonParameters, name: str, n: int, *, is_falling: bool) -> None:
    """Warn that n rows are held out at random although they are in the order of time, the latest first if falling."""
    if none_holds(params, AGAINST_FOLDS):
        first = "put the earliest row first with X, y = X[::-1], y[::-1], and " if is_falling else ""
        remedy = (
            f"{first}set validation_fraction=TimeSeriesSplit(4) (from sklearn.model_selection import TimeSeriesSplit)"
        )
    else:
        later, earlier = (f":{n // 5}", f"{n // 5}:") if is_falling else (f"-{n // 5}:", f":-{n // 5}")
        remedy = f"hold the latest out with fit(X[{earlier}], y[{earlier}], X_val=X[{later}], y_val=y[{later}])"
    warn(
        f"Column {name!r} of X never {'rises' if is_falling else 'falls'} from row to row, and targets near in time "
        "are alike, but fit holds out rows at random: the held-out loss and the intervals are about rows between the "
        f"training rows, not about later rows. If you predict later rows, {remedy}. If the order of the rows has no "
        "meaning, shuffle them with X, y = shuffle(X, y, random_state=0) (from sklearn.utils import shuffle).",
        UserWarning,
    )


def warn_of_unsorted_dates(name: str, column: str, *, is_polars: bool) -> None:
    """Warn that TimeSeriesSplit takes the last rows for the latest, but the dates of a column do not rise."""
    order, table = (f"{column}.arg_sort()", "X") if is_polars else (f"{column}.argsort()", "X.iloc")
    warn(
        "validation_fraction=TimeSeriesSplit(...) takes the last rows for the latest, but the dates of column "
        f"{name!r} of X do not rise from row to row. If they are the time of the rows, sort these: order = {order}; "
        f"fit({table}[order], np.asarray(y)[order]).",
        UserWarning,
    )


def warn_of_identifier(params: CommonParameters, X: Table, j: int, name: str, *, uses_groups: bool) -> None:
    """Warn of a column of numbers that behaves like an identifier; `uses_groups` if groups have an effect."""
    column = name if isinstance(X, pd.DataFrame) else j
    choices = column_choices(params)
    from_dtype = "'from_dtype', " if choices.finds_categories and column == name else ""
    as_category = f"set categorical_features=[{from_dtype}{column!r}]"
    if "categorical_features" in choices.columns_by_parameter:
        as_category = f"add {column!r} to categorical_features"
    rest = f"np.delete(X, {j}, axis=1)"
    if isinstance(X, pd.DataFrame):
        rest = f"X[[c for c in X.columns if c != {X.columns.tolist()[j]!r}]]"
    without = f": fit({rest}, y)"
    if uses_groups:
        without = (
            f" and pass it as groups: fit({rest}, y, groups={column_in_code(X, j)}). If it is a property, such as an "
            "age, several rows may be of one person: pass the persons as groups"
        )
    warn(
        f"Column {name!r} of X is a number that behaves like an identifier: rows with the same number have similar "
        "targets, and rows with neighbouring numbers do not. If new rows have the same identifiers, make it a "
        f"category: {as_category}. If new rows have other identifiers, leave the column out{without}.",
        UserWarning,
    )


def warn_of_target_in_table(X: Table, y: Target) -> None:
    """Warn if a data frame has a column with the name and the values of the target."""
    name = getattr(y, "name", None)
    if isinstance(name, str) and is_frame(X) and name in X.columns and have_equal_values(X[name], y):
        warn(
            f"Column {name!r} of X is the target y, so predictions of new rows need their targets. Leave it out: "
            f"fit(X[[c for c in X.columns if c != {name!r}]], y).",
            UserWarning,
        )


def warn_of_normalised_weights(params: CommonParameters, weight: Array | None) -> None:
    """Warn of sample weights with a sum of 1, which make the penalty as strong as for a single row."""
    if weight is not None and params.alpha > 0 and len(weight) >= MIN_VALUES_TO_WARN and isclose(weight.sum(), 1.0):
        warn(
            f"sample_weight adds up to 1 in {len(weight)} rows. The penalty alpha={params.alpha:g} is divided by "
            "this sum: it is as strong as for a single row. If weights only compare rows, divide them by their mean.",
            UserWarning,
        )


def warn_of_labels_in_another_order(arguments: FitArguments) -> None:
    """Warn if a series or data frame has the row labels of its table in another order: labels are not read."""
    for table_name, names in (("X", ("y", "sample_weight", "groups")), ("X_val", ("y_val", "sample_weight_val"))):
        labels = getattr(getattr(arguments, table_name), "index", None)
        for name in names:
            these = getattr(getattr(arguments, name), "index", None)
            if isinstance(labels, pd.Index) and isinstance(these, pd.Index) and differ_in_order(labels, these):
                warn(
                    f"{name} has the row labels of {table_name} in another order, but rows are matched by position. If "
                    f"labels name the rows, pass {name}.loc[{table_name}.index]. If the order is right, pass "
                    f"{name}.to_numpy().",
                    UserWarning,
                )


def differ_in_order(labels: pd.Index, other_labels: pd.Index) -> bool:
    """Whether two indexes hold the same labels, each once, in another order."""
    if len(labels) != len(other_labels) or labels.equals(other_labels):  # nearly always, and fast
        return False
    # sets compare labels of any kinds, tuples too
    return labels.is_unique and other_labels.is_unique and set(labels) == set(other_labels)


UNREPRESENTATIVE_ROWS_REMEDY = (
    "Make the first call with rows of all kinds, or call sknet.stream.prepare with a sample before."
)
"""The remedy if the first rows of `partial_fit` are unlike the rest."""


def warn_of_far_rows(encoding: Encoding, rows: Rows, method: str, remedy: str) -> None:
    """Warn if columns or targets of a later call are unlike those of the first call, which they are scaled by."""
    far = columns_outside_training(encoding.encoder, rows.X.rows_in_memory())
    if far:
        warn(
            f"Columns {short_list(far)} of X lie mostly outside the rows of the first call of {method}, from which "
            f"their encoding was learnt. {remedy}",
            RuntimeWarning,
        )
    if encoding.head.are_unlike_targets_of_fit(rows.y):
        warn(
            f"y lies mostly far from the targets of the first call of {method}, from which its mean and scale were "
            f"learnt, so that training may take very long. {remedy}",
            RuntimeWarning,
        )


def warn_of_unread_rows(encoder: TableEncoder, table: FeatureTable, argument: str) -> None:
    """Warn of known columns whose values cannot be read, in some rows of a table that fit has not seen."""
    if not encoder.is_numeric:
        sample = table.rows_in_memory(rows_to_compare(len(table)))
        warn_of_unread_columns(read_new_values(encoder, sample)[1], argument)


NEGLIGIBLE_FACTOR = 1e-5
"""A smaller factor of the learning rate counts as 0. The schedule "one_cycle" ends at 4e-6."""


def warn_of_ended_schedule(solver: Solver, earlier: Fitted, state: State | None) -> None:
    """Warn at the first call of `partial_fit` whose learning rate is 0, because its schedule has ended."""
    if state is None or not isinstance(solver, MiniBatchSolver):
        return
    n_before = int(earlier.resolved["max_iter"])  # type: ignore[call-overload]  # planned calls, as of the last call
    ended_before = state.epoch - 1 >= n_before  # the last call has warned
    n_planned = solver.schedule_epochs
    if state.epoch >= n_planned and not ended_before and solver.schedule(ScheduleInput(1.0)) <= NEGLIGIBLE_FACTOR:
        warn(
            f"partial_fit: the learning rate has fallen to 0 after max_iter={n_planned} calls, so more calls "
            "change nothing. Set max_iter to the number of calls, or learning_rate='constant' if there is no end.",
            UserWarning,
        )


def warn_of_rescaled_columns(names: list[str]) -> None:
    """Warn of columns with a single value until now, to which `partial_fit` adds other values."""
    if names:
        warn(
            f"Columns {short_list(names)} of X had a single value until now, and are scaled by the values of this "
            f"call. {UNREPRESENTATIVE_ROWS_REMEDY}",
            RuntimeWarning,
        )


def warn_of_left_out_columns(encoder: TableEncoder, survey: Survey) -> None:
    """Warn of columns that are left out, such as identifiers; raise if no column is left.

    Misread columns have a warning already, and are no identifiers once they are converted.
    """
    left_out: dict[str, list[str]] = {}
    for column_name, column in zip(encoder.column_names, encoder.columns, strict=True):
        # the number of inputs is tested first, since describing the inputs of a text column takes long
        is_nearly_empty = bool(column.left_out_message) and column.n_inputs <= 1
        if is_nearly_empty and {description.kind for description in column.input_descriptions} <= {"missing"}:
            left_out.setdefault(column.left_out_message, []).append(column_name)
    text = "Columns {} of X are left out: {}"
    if left_out and encoder.n_inputs == 0:
        reasons = [text.format(short_list(names), reason) for reason, names in sorted(left_out.items())]
        raise ValueError(f"{' '.join(reasons)} No other column is left.")
    for reason, names in sorted(left_out.items()):
        not_misread = [name for name in names if name not in {survey.names[j] for j in survey.misread}]
        if not_misread:
            warn(text.format(short_list(not_misread), reason), UserWarning)


def divergence_message(error: DivergedError, resolved: Mapping[str, object]) -> str:
    """Return the message for weights that are not finite: the parameters that may be the cause, and remedies."""
    message = (
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
        f"preprocessed. Training diverged in epoch {error.epoch} with "
    )
    solver, loss, alpha, decay = (resolved[name] for name in ("solver", "loss", "alpha", "weight_decay"))
    custom_loss = f", and check your own loss, {loss.name!r}" if isinstance(loss, Loss) else ""
    scaling = [] if resolved["input_scaling"] else ["input_scaling='robust'"]
    if FULL_BATCHES.test(solver):
        remedies = " or ".join([*scaling, "solver='adam'"])
        return f"{message}solver={solver!r}: try {remedies}{custom_loss}."
    if not isfinite(error.rate):
        return f"{message}a rate of {error.rate}, which the function learning_rate made: let it return finite factors."
    rate = float(resolved["learning_rate_init"])  # type: ignore[arg-type]
    lower = min(rate / 10.0, CommonParameters.learning_rate_init)
    limit = resolved["clip_norm"]
    clipping = ["clip_norm=1.0"] if limit is None or float(limit) > 1.0 else []  # type: ignore[arg-type]
    remedies = " or ".join([f"learning_rate_init={lower:g}", *clipping, *scaling])
    return (
        f"{message}learning_rate_init={rate:g}: try {remedies}{custom_loss}. Large values of alpha ({alpha:g}), "
        f"weight_decay ({decay:g}) or sample_weight may also be the cause."
    )

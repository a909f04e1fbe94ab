"""The numbers that decide about defaults, each with its value and with what justifies it, a line each.

Whoever changes such a number changes its line, too, and says in `notes.md` what was measured. A source begins with

notes: "..."    measured; the words in quotation marks are in tests/benchmarks/notes.md
log: "..."      measured, or described, in the message of the commit that begins with these words
docstring:      measured; the constant's docstring has the figures
scikit-learn:   its value
reasoned:       not measured; chosen for this reason
unrecorded:     not measured, as far as notes and log tell, and no reason is on record; what the number is for

A number of which no default depends stands in `EXCEPTIONS`, under the reason.
"""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.inside import defaults_of_loss_options, resolved_of, rules_for_auto

ROOT = Path(__file__).parents[1]
NOTES = ROOT / "tests" / "benchmarks" / "notes.md"
KINDS_OF_SOURCES = ("notes", "log", "docstring", "scikit-learn", "reasoned", "unrecorded")

CONSTANTS = {
    # --- numbers of rows at which defaults change, and what changes there ---
    "MIN_EVALUATED_ROWS": (40, 'notes: "folds choose the epoch from 40 rows on"'),
    "SMALL_TABLE_ROWS": (500, 'notes: "four folds up to 499 rows"'),
    "FEW_EVENTS": (60, 'notes: "hold out each row once below 60 events"'),
    "MEDIUM_TABLE_ROWS": (5_000, 'notes: "5,000 was measured together with what holds on both sides of it"'),
    "LARGE_TABLE_ROWS": (15_000, 'notes: "10% held out from 15,000 rows on"'),
    "FRACTION_HELD_OUT": (0.15, 'notes: "`validation_fraction=0.1`"'),
    "LARGE_FRACTION_HELD_OUT": (0.1, 'notes: "and of these: 10% held out"'),
    "PATIENCE": (24, 'notes: "96 epochs, `n_iter_no_change=16`"'),
    "FOLDS_PATIENCE": (10, 'notes: "with folds, 10 epochs to wait for classes and 6 for numbers"'),
    "STEADY_FOLDS_PATIENCE": (6, 'notes: "with folds, 10 epochs to wait for classes and 6 for numbers"'),
    "LARGE_PATIENCE": (4, 'notes: "4 epochs to wait and a `tol` of 0.002 from 15,000 rows on"'),
    "TOL": (1e-4, "scikit-learn: `tol`"),
    "FOLDS_TOL": (1e-3, 'notes: "10% held out, `tol` a share of 0.001", of large tables; not of folds alone'),
    "LARGE_TOL": (2e-3, 'notes: "4 epochs to wait and a `tol` of 0.002 from 15,000 rows on"'),
    "STEPS_PER_EPOCH": (32, 'notes: "batches in proportion to the rows"'),
    "SMALLEST_PROPORTIONAL_BATCH": (32, 'notes: "batches of 32 rows at least"'),
    "MAX_STEPS_PER_EPOCH": (300, 'notes: "On a made table of 300,000 rows batches of 256, 512", which it leads to'),
    "LARGEST_BATCH_IN_MEMORY": (256, 'notes: "batches in proportion to the rows", not varied'),
    "LARGE_BATCH": (1024, 'notes: "On a made table of 300,000 rows batches of 256, 512"'),
    "MIN_ROWS_HELD_OUT": (10, "reasoned: the score of fewer rows is too noisy"),
    "MAX_ROWS_HELD_OUT": (100_000, "reasoned: more rows hardly change a mean loss, and these stay in memory"),
    # --- bins and steps ---
    "ROWS_PER_BIN": (24, 'notes: "gains at three times the rate with 24 rows per bin and 256 bins in all", not varied'),
    "MAX_BINS_OF_TABLE": (256, 'notes: "at most 256 bins in all columns"'),
    "MIN_AUTO_BINS": (12, 'notes: "at least 12 bins for each column"'),
    "MAX_AUTO_BINS": (128, 'notes: "gains, two networks, bins by rows", not varied'),
    "MAX_COLUMNS_WITH_AUTO_BINS": (50, 'notes: "bins for up to 50 columns of numbers"'),
    "MAX_ROWS_TO_FIND_JUMPS": (2_000, "unrecorded: looking for steps takes time"),
    "MAX_LEAVES": (16, "reasoned: enough to separate six ranges of a code"),
    "MIN_ROWS_OF_LEAF": (5, "unrecorded: the least number of rows beside a split"),
    "MIN_ERROR_REDUCTION": (0.03, 'notes: "Steps that a tree finds, without a test of their gain, gave 1.00"'),
    "MIN_STANDARD_ERRORS": (2.0, 'notes: "Steps that a tree finds, without a test of their gain, gave 1.00"'),
    "RIDGE": (30.0, "unrecorded: the penalty of the linear models that evaluate steps"),
    "CODES": (
        (*(sign * (10.0**n - 1) for n in range(2, 8) for sign in (-1, 1)), -9.0),
        'notes: "Codes of missing values"',
    ),
    "MIN_ROWS_OF_CODE": (2, "reasoned: a number in a single row is rather an outlier"),
    # --- warnings of rows in the order of time, and of identifiers given as numbers ---
    "MAX_ROWS_CHECKED": (50_000, "reasoned: the checks take less than a hundredth of a fit's time"),
    "MAX_TARGETS_CHECKED": (4, "reasoned: the most frequent classes show what all show"),
    "MIN_DISTINCT": (20, "reasoned: fewer dates or numbers are no series and no identifiers"),
    "MAX_P_VALUE": (1e-6, "reasoned: none of many thousand tables warns by chance"),
    "MAX_P_VALUE_OF_FIRST_LOOK": (0.01, "reasoned: other columns are read only where it pays"),
    "KNOTS": ((0.25, 0.5, 0.75), "reasoned: the effect of most numbers bends seldom"),
    "RANGE": ((0.02, 0.98), "reasoned: outliers have no effect of their own"),
    "PRIOR_ROWS": (5.0, "reasoned: means of few rows are noise"),
    "ROWS_PER_COLUMN": (50, "reasoned: with fewer rows, coefficients are noise"),
    "MAX_COLUMNS": (20, "reasoned: the columns that explain most, in little time"),
    "MAX_ROWS_OF_REGRESSION": (5_000, "reasoned: enough for a hundred coefficients"),
    "REGRESSION_RIDGE": (1e-3, "reasoned: equal columns share an effect"),
    "MIN_SHARE_OF_TIME": (0.8, "reasoned: such a column is the time"),
    "BLOCK_SIZES": ((8, 32, 128, 512), "reasoned: a season or a trend spans one of these numbers of rows"),
    "LARGEST_BLOCK": (0.05, "reasoned: twenty blocks, so that their means can be compared"),
    "MIN_SHARE_OF_BLOCKS": (0.12, "docstring: 30 of 34 warnings are right"),
    "MIN_SHARE_OF_FIFTHS": (0.5, "reasoned: such a target leaves its range"),
    "MIN_REPEATED": (0.5, "reasoned: most identifiers have several rows"),
    "MIN_SHARE_OF_VALUES": (0.05, "docstring: from here on, the loss as a category is lower"),
    "MIN_UNEVEN": (0.3, "docstring: columns of 100 tables had up to .17"),
    "VALUES_PER_KNOT": (3, "reasoned: a smooth function may bend often"),
    "MAX_KNOTS": (60, "reasoned: a smooth function of many values bends less often than at each third value"),
    "MAX_NUMBERS_CHECKED": (60, "reasoned: wider tables hold images or measurements"),
    # --- layers, regularisation and training ---
    "AUTO_CLASSIFIER_SIZES": ((128,), 'notes: "one hidden layer for classes, two for numbers"'),
    "AUTO_REGRESSOR_SIZES": ((96, 32), 'notes: "one hidden layer for classes, two for numbers"'),
    "UNITS_PER_SET": (8, "unrecorded: several units for each set of columns"),
    "AUTO_AVERAGING": (0.99, 'notes: "a moving average of the weights"'),
    "AUTO_DROPOUT": (0.1, 'notes: "dropout for classes"'),
    "AUTO_LABEL_SMOOTHING": (0.02, 'notes: "label smoothing for classes"'),
    "AUTO_WEIGHT_DECAY": (0.02, 'notes: "weight decay"'),
    "AUTO_CLIP_NORM": (10.0, "reasoned: gradients of counts may be huge, and SGD's steps grow with them"),
    "PULL_STRENGTH": (1.5, 'notes: "1.5 log c that grows over the first 75 steps"'),
    "MAX_ROWS_TO_CORRELATE": (2000, "reasoned: correlations are known to .02 then"),
    "STEPS_TO_FULL_PULL": (75, 'notes: "1.5 log c that grows over the first 75 steps"'),
    "ROWS_OF_SLOWER_PULL": (2000, 'notes: "with more than 2,000 rows over more, in proportion"'),
    "GAIN_RATE": (3.0, 'notes: "gains at twice the rate"'),
    "PLATEAU_DIVISOR": (5.0, "scikit-learn: `adaptive`"),
    "MIN_ADAPTIVE_RATE": (1e-6, "scikit-learn: `adaptive`"),
    "MAX_OBJECTIVE_GROWTH": (1e30, "reasoned: training that grows so much within an epoch has diverged"),
    "NEGLIGIBLE_FACTOR": (1e-5, 'reasoned: "one_cycle" ends at 4e-6'),
    # --- first weights and activations ---
    "FIRST_LAYER_SCALE": (1.5, 'notes: "first biases 0, first weights not enlarged"'),
    "BIN_SCALE": (0.7, 'notes: "first weights of a bin .2 of a number\'s, not .7 / √bins"'),
    "BIN_MEAN": (0.5, "reasoned: a bin runs from 0 to 1"),
    "LEAKY_RELU_SLOPE": (0.01, "reasoned: the slope of Maas et al. 2013"),
    "SELU_SCALE": (1.0507009873554805, "reasoned: the scale of Klambauer et al. 2017"),
    "SELU_ALPHA": (1.6732632423543772, "reasoned: the alpha of Klambauer et al. 2017"),
    "RELATIVE_ROUNDING_UNIT": (2.0**-28, 'notes: "Monotone networks in float32 reversed 1,529 of 100,000 pairs"'),
    # --- where training starts ---
    "MIN_LABEL_FREQUENCY": (1e-3, "reasoned: 0 would give an infinite bias"),
    "MIN_QUANTILE_GAP": (1e-3, "reasoned: 0 would give an infinite bias"),
    # --- the choice of the epoch, of mixing weights and of the temperature ---
    "MIN_STEPS_TO_CHOOSE": (75, 'notes: "no epoch is chosen before the 75th step"'),
    "OVERCONFIDENT_INVERSE_TEMPERATURE": (0.2, 'notes: "would shrink raw outputs to less than a fifth"'),
    "MAX_CROSS_FIT_SETS": (4, "reasoned: each set takes time every epoch"),
    "MIXING_WEIGHTS": (np.linspace(0.0, 1.0, 11), 'notes: "has the share, out of 0, 0.1, ..., 1"'),
    "MIXING_PRIOR_DEVIATION": (0.25, 'notes: "deviation 1/2 instead of 1/4"'),
    "PRIOR_LOG_DEVIATION": (0.6, 'notes: "logarithm of the temperature (deviation 0.6)"'),
    "MAX_LOG_TEMPERATURE": (3.0, "reasoned: the search needs an interval"),
    # --- intervals and sets ---
    "MAX_PREDICTION_BINS": (10, 'notes: "With a single width, the upper thirds would have .84 and .85"'),
    "MIN_ROWS_PER_PREDICTION_BIN": (30, "unrecorded: enough residuals for a mean"),
    "PRIOR_ROWS_OF_PREDICTION_BIN": (3.0, "unrecorded: draws the scale of a bin to that of all rows"),
    "N_SCALE_FOLDS": (5, 'log: "An error has no say in the scale that it is divided by"'),
    "MAX_RESIDUAL_QUANTILES": (1000, "unrecorded: limits what a model file holds"),
    # --- categories ---
    "MAX_CATEGORIES_OF_COLUMN": (2**20, "reasoned: a stream keeps all categories in memory"),
    "MIN_VALUES_OF_IDENTIFIER": (20, "unrecorded: fewer values may all differ by chance"),
    "MIN_CATEGORIES_TO_GROUP": (20, 'log: "Categories that say nothing are left out; rare levels share an input"'),
    "MIN_FREQUENCY": (5, 'log: "Categories that say nothing are left out; rare levels share an input"'),
    "SMALL_COLUMN_VALUES": (200, 'notes: "With 60 categories in 300 rows on which the target depends"'),
    "MIN_FREQUENCY_OF_SMALL_COLUMN": (2, 'notes: "With 60 categories in 300 rows on which the target depends"'),
    "LARGE_INFREQUENT_SHARE": (0.2, 'notes: "means where a fifth of the rows share an input"'),
    "MIN_ROWS_PER_CATEGORY": (3, "reasoned: means of fewer rows are close to 0, and a network would unlearn their use"),
    "N_ENCODING_FOLDS": (5, "scikit-learn: `cv` of TargetEncoder"),
    "SAMPLE_ROWS": (200_000, 'log: "Columns are learnt from at most 200,000 rows, by one code everywhere"'),
    # --- numbers ---
    "QUARTILES": ((0.25, 0.5, 0.75), 'notes: "numbers scaled by quartiles, outliers bent"'),
    "QUANTILE_SHARES": (np.linspace(0.0, 1.0, 257), "reasoned: the same shares for all numbers of rows"),
    "FLOAT32_OFFSET": (1000.0, "reasoned: three of float32's seven digits would be the same in all targets"),
    # --- text ---
    "NGRAM_LENGTHS": ((3, 4), 'log: "A column of sentences is read: TF-IDF of its letters, 30 inputs"'),
    "MAX_TERMS": (5000, 'log: "A column of sentences is read: TF-IDF of its letters, 30 inputs"'),
    "IDF_POWER": (1.5, 'log: "Text: rare terms weigh more, and 30 components set the scale"'),
    "SCALING_COMPONENTS": (30, 'log: "Text: rare terms weigh more, and 30 components set the scale"'),
    "MIN_COMPONENT_DEVIATION": (1e-5, "reasoned: smaller components are rounding errors"),
    "MIN_MEAN_WORDS": (3.0, 'log: "A column of sentences is read: TF-IDF of its letters, 30 inputs"'),
    "MAX_CHARACTERS_OF_TEXT": (100_000, "reasoned: counting takes about 150 bytes of memory per character"),
    "MAX_CHARACTERS_LEARNT": (2**20, "reasoned: more take time and do not reduce the error, as the docstring says"),
    # --- the order of a stream's rows ---
    "BYTES_READ_PER_POOL": (2**24, "reasoned: the rows of many buckets are mixed, and few bytes are in memory"),
    # --- strata of splits ---
    "MIN_ROWS_OF_COMBINATION": (10, "reasoned: fewer rows are too few to be split"),
    # --- warnings ---
    "DRIFT_SAMPLE_ROWS": (1000, "reasoned: the standard error of a share of a half is 1.6%"),
    "MIN_CORRELATION_WITH_ORDER": (0.95, "reasoned: dates up to a quarter of the time ahead keep 0.97"),
    "MIN_SHARE_OF_COPIES": (0.1, 'notes: "none of 100 tables has a tenth of copies and such a column"'),
    "MIN_SHARE_OF_DISTINCT_VALUES": (0.5, 'notes: "none of 100 tables has a tenth of copies and such a column"'),
    "MIN_SHARE_OF_ATOM": (0.05, "reasoned: half of what 90% intervals leave out"),
    "MIN_ROWS_OF_ATOM": (1.5, "reasoned: a value of a single row is not shared"),
    "FAR_OFF_IN_SCALES": (
        10.0,
        "reasoned: by Chebyshev, at most 1% of the targets of the first call are so far from their mean",
    ),
    "RANGE_TOLERANCE": (0.01, "reasoned: less may be rounding, and a column that grows is soon further outside"),
    "MIN_VALUES_TO_WARN": (20, "reasoned: fewer values may all be unknown by chance"),
    "MAX_CHANCE_OF_INFREQUENT": (1e-6, "unrecorded: a small probability"),
    "MIN_MISREAD_CATEGORIES": (20, "reasoned: fewer numbers as text may be categories"),
    "MIN_CONVERTIBLE_FRACTION": (0.9, "unrecorded: some values of a column of numbers may be other words"),
    # --- importances and explanations ---
    "MAX_IMPORTANCE_ROWS": (512, "docstring: of `MIN_IMPORTANCE_ROWS`"),
    "MIN_IMPORTANCE_ROWS": (64, "docstring: rank correlations at 64 and at 32 rows"),
    "MAX_SHARE_OF_TRAINING": (0.01, 'log: "Importances take a hundredth of the training\'s multiplications"'),
    "POINTS_PER_ROW": (4, "unrecorded: slopes are averaged over several points of a row"),
    "MAX_BACKGROUND_ROWS": (100, "reasoned: more rows take more time and change the mean little"),
    "MIN_ROWS_WITHOUT_BACKGROUND": (20, "unrecorded: the mean of a background needs some rows"),
    "NODES_PER_LINE": ((8, 16, 64, 256), "reasoned: eight are enough for smooth networks, jumps need more"),
    "MAX_GAP_PER_SPREAD": (5e-4, "unrecorded: a small fraction of the output's spread"),
    "MIN_RELATIVE_SPREAD": (0.1, "unrecorded: keeps the spread of nearly constant outputs above 0"),
    "MAX_ULPS": (64, "unrecorded: a few rounding errors of a sum"),
}
"""Each constant, its value, and its source."""

EXCEPTIONS = {
    "only time and memory depend on it": [
        "ANSWER_TIMEOUT", "BLOCKS_PER_SLICE", "BYTES_ENCODED_AT_ONCE", "BYTES_THAT_ALWAYS_FIT",
        "CONTRIBUTIONS_AT_ONCE", "HALF_BY_DTYPE", "INPUTS_ENCODED_AT_ONCE", "MAX_BOUND_BATCH_SIZES", "MAX_BUFFER_ROWS",
        "MAX_CATEGORIES_TRIED", "MAX_KEPT_TO_TABLE_RATIO", "MAX_KEPT_PARTIAL_SUMS", "MAX_ROWS_COUNTED",
        "MAX_ROW_BLOCK_FACTOR", "MAX_VALUES_AS_TEXT", "MAX_VALUES_TO_MERGE_ROWS",
        "MIN_BLOCKS_PER_THREAD", "MIN_BYTES_TO_COMPACT",
        "MIN_BYTES_TO_SAVE_MEMORY",
        "MIN_INPUTS_OF_LOOKED_UP_COLUMN", "MIN_LOOKED_UP_INPUTS", "MIN_NETWORK_BYTES",
        "LEAST_BYTES_PER_WEIGHT",
        "MIN_OUTPUTS_OF_BLOCK", "MAX_SHARE_IN_BLOCKS",
        "MIN_PRODUCT_FOR_BLAS_THREADS", "MIN_PRODUCT_FOR_NETWORK_THREADS", "MIN_ROWS_EVALUATED_AT_ONCE",
        "MIN_ROWS_READ_AT_ONCE", "MIN_ROWS_TO_DRAW_BY_INTERVAL", "MIN_SPLIT_PRODUCT", "MIN_SPLIT_VECTOR_PRODUCT",
        "NETWORKS_AT_ONCE", "NUMBERS_ENCODED_AT_ONCE", "N_BUCKETS", "N_DROPOUT_FACTORS", "N_LAYER_BUFFERS",
        "N_SCIPY_ARRAYS", "N_VALUES_TRIED", "OTHER_BYTES_PER_ROW", "OUTPUTS_AT_ONCE", "PARAMETERS_MOVED_AT_ONCE",
        "ROWS_CHECKED_AT_ONCE", "ROWS_COMPARED_AT_ONCE",
        "ROWS_CONVERTED_AT_ONCE", "ROWS_DIGESTED_AT_ONCE", "ROWS_HASHED_AT_ONCE", "ROWS_IN_CACHE",
        "ROWS_PREDICTED_AT_ONCE", "TARGETS_CHECKED_AT_ONCE", "TARGETS_ENCODED_AT_ONCE", "TEXTS_ENCODED_AT_ONCE",
        "UNITS_COMPUTED_AT_ONCE",
        "VALUES_LEARNT_AT_ONCE", "VALUES_MULTIPLIED_AT_ONCE", "VALUES_READ_AT_ONCE", "VALUES_WRITTEN_AT_ONCE",
        "WORKER_CHECK_SECONDS", "WRITE_BUFFER_BYTES",
    ],
    "a limit of floating-point numbers, or a tolerance for their rounding": [
        "FLOAT32_RANGE", "LARGEST_INTEGER", "LARGEST_TARGET", "LARGEST_NUMBER", "MIN_CRITERION_FOR_RELATIVE_TOL",
        "MIN_TOTAL_WEIGHT",
        "SHARE_SLACK", "SHARE_TOLERANCE",
    ],
    "a definition, which could not be another one": [
        "ACTIVATIONS", "CONTAINERS", "CYCLES", "DAY_IN_US", "GAMMA", "NANOSECONDS_PER_MICROSECOND", "NO_GRADIENT",
        "POISSON", "SECONDS_PER_DAY", "TARGETS_FROM_0_TO_1", "VARIANCES", "_REASONS", "_RELU_OUTPUT_SCALE",
        "_SIGN_OF_SLOT", "_TYPE_CHECKS",
    ],
    "the values that a parameter may have: tests/estimators/test_parameter_constraints.py": [
        "BETWEEN_1_AND_2", "CLOSED_UNIT_INTERVAL", "COUNT", "FROM_0_BELOW_1", "NON_NEGATIVE", "OPEN_UNIT_INTERVAL",
        "POSITIVE", "SEVERAL_MEMBERS", "TWO_OR_MORE",
    ],
    "the length of a message or a printed line, or what it suggests": [
        "MAX_CHARACTERS", "MAX_ITEMS", "MAX_NAMES_LISTED", "MAX_PRINTED_LINES", "MAX_SHOWN_CHARACTERS",
        "MIN_LETTERS_OF_A_SLIP", "MIN_SIMILARITY",
    ],
    "how a plot looks": [
        "CURVE_RANGE_SHARE", "MAX_CATEGORIES_SHOWN", "MAX_LABEL_CHARACTERS", "MAX_RUG_LINES", "N_CURVE_POINTS",
        "PANELS_PER_ROW",
    ],
    "how a function of the user's own is checked": [
        "DIFFERENCE_STEP", "MONOTONICITY_GRID", "N_CHECKED_ROWS", "N_CHECKED_UNITS", "N_ROWS_TRIED",
        "SINGLE_TOLERANCE",
    ],
    "the format of files, and the memory that a forged one may take: tests/storage": [
        "BYTES_PER_CHARACTER", "BYTES_PER_JSON_SIGN", "BYTES_PER_ROW_VALUE", "MAX_EXTRA_BYTES", "VERSION",
    ],
    "any seed would do": ["BUCKET_SEED"],
    "its parts have lines of their own below": ["AUTO_RULES"],
}  # fmt: skip
"""Constants on which no default depends, by the reason."""

PARAMETERS = {
    "depth": (1, "reasoned: one layer of the given size, as in scikit-learn"),
    "learning_rate_init": (0.015, 'notes: ""flat_cosine" with a rate of 0.015"'),
    "max_iter": (128, 'notes: "128 epochs at most"'),
    "max_categories": (100, "unrecorded: the inputs of a column stay few"),
    "text_components": (30, 'notes: "a hundred components had .81 to .88 of the error of thirty"'),
    "alpha": (0.01, 'notes: "`alpha=1`"'),
    "l1_ratio": (0.0, "reasoned: no L1 penalty unless it is set"),
    "beta_1": (0.9, "scikit-learn: `beta_1`"),
    "beta_2": (0.95, 'notes: "`beta_2` of 0.95"'),
    "epsilon": (1e-8, "scikit-learn: `epsilon`"),
    "momentum": (0.9, "scikit-learn: `momentum`"),
    "power_t": (0.5, "scikit-learn: `power_t`"),
    "max_fun": (15000, "scikit-learn: `max_fun`"),
}
"""Each parameter of both estimators whose default is a number, this number, and its source."""

OPTIONS_OF_LOSSES = {
    "huber_delta": (1.0, "unrecorded: one scale of the targets"),
    "quantile": (0.5, "reasoned: the median"),
    "tweedie_power": (1.5, "unrecorded: the middle of the interval from 1 to 2"),
}
"""What "auto" means as the option of a loss."""

N_ROWS = (39, 40, 500, 5_000, 15_000)
RULES = {
    # classifiers and regressors, fitted to three columns of so many rows (after rows have been held out)
    "early_stopping": ([False, "folds", "folds", "folds", True], [False, "folds", "folds", "folds", True]),
    "n_members": ([1, 2, 2, 2, 2], [1, 2, 2, 2, 2]),
    "batch_size": ([32, 32, 32, 156, 256], [32, 32, 32, 156, 256]),
    "temperature_scaling": ([False, True, True, True, True], None),
    "target_scaling": (None, ["standard"] * 5),
    "hidden_layer_sizes": ([(128,)] * 5, [(96, 32)] * 5),
    "dtype": (["float64", *["float32"] * 4], ["float64", *["float32"] * 4]),
    "averaging": ([0.0, 0.99, 0.99, 0.99, 0.99], [0.0, 0.99, 0.99, 0.99, 0.99]),
    "dropout": ([0.0, 0.1, 0.1, 0.1, 0.1], [0.0] * 5),
    "clip_norm": ([None] * 5, [None] * 5),
    "weight_decay": ([0.02] * 5, [0.02] * 5),
    "init": (["centred"] * 5, ["centred"] * 5),
    "validation_fraction": ([0.15, 0.15, 0.15, 0.15, 0.1], [0.15, 0.15, 0.15, 0.15, 0.1]),
    "tol": ([1e-4, 1e-3, 1e-3, 1e-3, 2e-3], [1e-4, 1e-3, 1e-3, 1e-3, 2e-3]),
    "n_iter_no_change": ([24, 10, 10, 6, 4], [24, 6, 6, 6, 4]),
    "numeric_encoding": (["raw", *["auto"] * 4], ["raw", *["auto"] * 4]),
    "input_gains": ([True] * 5, [True] * 5),
    "n_bins": ([12, 12, 20, 85, 85], [12, 12, 20, 85, 85]),
    "category_encoding": (["one_hot"] * 5, ["one_hot"] * 5),
    "text_features": ([None] * 5, [None] * 5),
    "label_smoothing": ([0.0, 0.02, 0.02, 0.02, 0.02], None),
}
"""What each rule of `resolve.py` makes of "auto"; None if the other estimator alone has the parameter.

The reasons are those of the constants above; docs/defaults.md has the whole table."""


@cache
def modules_by_constant() -> dict[str, str]:
    """The module of each name in capitals at the top of a module whose value is written with a number."""
    found = {}
    for path in sorted((ROOT / "sknet").rglob("*.py")):
        for statement in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
                continue
            literals = [node.value for node in ast.walk(statement.value) if isinstance(node, ast.Constant)]
            if any(type(value) in (int, float) for value in literals):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found |= dict.fromkeys(filter(str.isupper, names), module)
    return found


def test_every_number_is_in_the_table_or_is_an_exception():
    listed = {*CONSTANTS, *(name for names in EXCEPTIONS.values() for name in names)}
    new = {name: module for name, module in modules_by_constant().items() if name not in listed}
    assert not new, (
        f"New constants: {new}. For each on which a default, a result or a warning depends, add a line "
        f'"NAME": (value, source) to CONSTANTS in {Path(__file__).name}, and to tests/benchmarks/notes.md what was '
        "measured. Add the name of any other to the list of its reason in EXCEPTIONS."
    )


def test_every_name_is_listed_once_and_there_is_such_a_constant():
    listed = [*CONSTANTS, *(name for names in EXCEPTIONS.values() for name in names)]
    assert len({*listed}) == len(listed)
    gone = {*listed} - modules_by_constant().keys()
    assert not gone, f"{sorted(gone)} are no constants any more: take their names out of {Path(__file__).name}."


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_has_the_value_of_the_table(name):
    expected, _ = CONSTANTS[name]
    value = getattr(import_module(modules_by_constant()[name]), name)
    assert np.array_equal(value, expected), (
        f"{name} is {value!r}, and the table has {expected!r}. If the change is meant, change the line of {name} in "
        f"{Path(__file__).name}: the value and its source. Was it measured? Then say so in tests/benchmarks/notes.md."
    )


SOURCES = {name: source for table in (CONSTANTS, PARAMETERS, OPTIONS_OF_LOSSES) for name, (_, source) in table.items()}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_of_a_known_kind_and_quotes_what_is_in_the_notes(name):
    kind, text = SOURCES[name].split(": ", 1)
    assert kind in KINDS_OF_SOURCES
    quoted = re.match(r'"(.*)"', text)
    assert quoted is not None or kind not in ("notes", "log")
    if kind == "notes":
        notes = " ".join(NOTES.read_text("utf-8").split())
        assert quoted.group(1) in notes, f"{NOTES.name} does not say {quoted.group(1)!r}: quote what it says of {name}."


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_every_numeric_default_of_a_parameter_is_in_the_table(kind):
    defaults = {name: value for name, value in kind().get_params().items() if type(value) in (int, float)}
    assert defaults == {name: value for name, (value, _) in PARAMETERS.items()}


def test_every_option_of_a_loss_has_the_default_of_the_table():
    assert defaults_of_loss_options() == {name: value for name, (value, _) in OPTIONS_OF_LOSSES.items()}


def test_every_rule_is_in_the_table():
    assert rules_for_auto() == RULES.keys(), 'give each rule a line in RULES: what "auto" becomes for these rows'


@pytest.mark.parametrize("name", RULES)
def test_a_rule_makes_of_auto_what_the_table_says(name):
    for kind, expected in zip((SigmoidMLPClassifier, SigmoidMLPRegressor), RULES[name], strict=True):
        if expected is not None:
            assert [getattr(resolved_of(kind(), n), name) for n in N_ROWS] == expected

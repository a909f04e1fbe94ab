"""What a user may have meant: suggestions for unknown names of parameters and values, also by their names elsewhere."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

PARAMETERS_ELSEWHERE = {
    **dict.fromkeys(["eval_set", "validation_data", "validation_set"], "X_val and y_val"),
    **dict.fromkeys(["epochs", "n_epochs", "max_epochs", "iterations", "num_boost_round"], "max_iter"),
    **dict.fromkeys(["lr", "eta"], "learning_rate_init"),
    **dict.fromkeys(["cat_features", "categorical_feature", "categorical_columns"], "categorical_features"),
    **dict.fromkeys(["num_leaves", "max_leaves", "max_depth", "n_hidden", "hidden_units"], "hidden_layer_sizes"),
    **dict.fromkeys(["early_stopping_rounds", "patience"], "n_iter_no_change"),
    **dict.fromkeys(["reg_lambda", "lambda_l2", "l2_leaf_reg", "l2_regularization"], "alpha"),
    **dict.fromkeys(["seed", "random_seed"], "random_state"),
    **dict.fromkeys(
        ["n_estimators", "n_trees", "ntree"], "max_iter, the number of epochs, or n_members, the number of networks"
    ),
    "n_jobs": "the environment variable OMP_NUM_THREADS, or n_jobs of a search",
    "callbacks": "set_callbacks(...)",
    **dict.fromkeys(["max_time", "time_limit"], "set_callbacks(TimeLimit(seconds))"),
    "validation_split": "validation_fraction",
    "device": "sknet.export.to_torch, for predictions on a GPU (fit runs on the CPU)",
    "dropout_rate": "dropout",
    "text_columns": "text_features",
    "n_layers": "depth",
    "monotone_constraints": "monotonic_cst",
    "interaction_constraints": "interaction_cst",
    **dict.fromkeys(["objective", "family"], "loss"),
    "link": "loss, which comes with its link",
    **dict.fromkeys(
        ["scale_pos_weight", "is_unbalance", "auto_class_weights", "class_weights", "class_weight"],
        "class_weight, a parameter of SigmoidMLPClassifier",
    ),
    **dict.fromkeys(["metric", "eval_metric"], "scoring"),
    **dict.fromkeys(
        ["subsample", "bagging_fraction", "colsample_bytree", "feature_fraction", "max_features", "mtry"],
        "dropout, alpha or weight_decay, which regularise a network",
    ),
    **dict.fromkeys(
        ["min_child_samples", "min_child_weight", "min_data_in_leaf", "min_samples_leaf", "gamma"],
        "alpha, weight_decay or dropout, which regularise a network",
    ),
    "verbosity": "verbose",
    "optimizer": "solver",
    **dict.fromkeys(["max_bin", "max_bins"], "n_bins"),
    "nesterov": "nesterovs_momentum",
    "penalty": "alpha, with l1_ratio for the L1 penalty",
    **dict.fromkeys(["exposure", "offset", "init_score", "base_margin"], "sample_weight=exposure, with the rate as y"),
}
"""Names of parameters in other packages, and what does the same here, for hints in messages."""

INSTEAD_OF_ARGUMENTS = {
    **dict.fromkeys(
        ["return_std", "return_cov"],
        "predict_interval and predict_quantiles of a regressor, and predict_proba, say how uncertain it is",
    ),
    **dict.fromkeys(
        ["exposure", "offset", "sample_weight", "base_margin"],
        "it takes X alone; after a fit to rates, multiply its rates by the exposure",
    ),
    **dict.fromkeys(["alpha", "confidence", "confidence_level", "level"], "give coverage, the share of targets inside"),
    "threshold": "compare predict_proba with it, as sklearn.model_selection.FixedThresholdClassifier does",
}
"""Arguments that prediction methods have in other packages, and what to do here, for messages."""

VALUES_ELSEWHERE = {
    **dict.fromkeys(["mse", "rmse", "l2", "squared_loss", "mean_squared_error"], "squared_error"),
    **dict.fromkeys(["gaussian", "normal", "regression"], "squared_error"),
    **dict.fromkeys(["mae", "l1", "mean_absolute_error"], "absolute_error"),
    **dict.fromkeys(["ce", "bce", "nll", "cross_entropy", "crossentropy", "logistic"], "log_loss"),
    **dict.fromkeys(["binary_crossentropy", "categorical_crossentropy", "binary_logloss", "multi_logloss"], "log_loss"),
    **dict.fromkeys(["binary", "bernoulli", "binomial", "multiclass", "binary:logistic", "multi:softprob"], "log_loss"),
    "poisson_log": "poisson",
    **dict.fromkeys(["additive", "main_effects"], "no_interactions"),
    "smooth_l1": "huber",
    "pinball": "quantile",
    "swish": "silu",
    "linear": "identity",
    "adamw": "adam",
    **dict.fromkeys(["auc", "gini"], "roc_auc"),  # Gini = 2 AUC - 1
    **dict.fromkeys(["aucpr", "pr_auc"], "average_precision"),
    **{f"{scorer}_score": scorer for scorer in ("f1", "jaccard", "precision", "r2", "recall")},
}
"""Names of values in other packages, and their names here, for hints in messages."""

PAGES_WITH_LOSSES = {
    **dict.fromkeys(["negative_binomial", "nbinom", "zero_inflated_poisson", "zip"], "Counts and presence at sites"),
    **dict.fromkeys(["beta", "binomial", "fractional", "fractional_logit", "quasibinomial"], "Shares from 0 to 1"),
}
"""Losses for numbers that are not built in, and the page of the user guide that defines them, for messages."""

SCORERS_ELSEWHERE = {
    **dict.fromkeys(["rmse", "root_mean_squared_error"], "neg_root_mean_squared_error"),
    **dict.fromkeys(["mse", "mean_squared_error"], "neg_mean_squared_error"),
    **dict.fromkeys(["mae", "l1", "mean_absolute_error"], "neg_mean_absolute_error"),
    **dict.fromkeys(["mape", "mean_absolute_percentage_error"], "neg_mean_absolute_percentage_error"),
    **dict.fromkeys(["log_loss", "logloss", "binary_logloss", "multi_logloss", "cross_entropy"], "neg_log_loss"),
    **dict.fromkeys(["brier", "brier_score"], "neg_brier_score"),
}
"""Names of metrics that are lower for better predictions, and scikit-learn's scorers, which are higher."""

METHODS_OF_ONE_ESTIMATOR = {
    **dict.fromkeys(["predict_proba", "predict_set"], "a regressor has predict_interval and predict_quantiles"),
    **dict.fromkeys(["predict_interval", "predict_quantiles"], "a classifier has predict_set and predict_proba"),
}
"""Methods of one of the two estimators, and what the other one has instead, for messages."""

MIN_SIMILARITY = 0.76
"""The least similarity, from 0 to 1, of a name to a known one that is suggested. "n_jobs" and "n_bins" have 0.67."""

MIN_LETTERS_OF_A_SLIP = 3
"""A known name of at least this many letters is suggested for a name that is one slip away, however small their
similarity is: "tal" and "tol" have 0.67. A single letter, such as X, is one slip away from any other."""

MAX_NAMES_LISTED = 10
"""A message lists at most this many names."""


def check_keyword_names(function: str, keywords: Iterable[str], parameters: Iterable[str]) -> None:
    """Raise a TypeError for the first unknown keyword of `function`."""
    parameter_names = [name for name in parameters if name != "self"]
    for name in keywords:
        if name not in parameter_names:
            instead = INSTEAD_OF_ARGUMENTS.get(name) if ".predict" in function else None
            remedy = f"{instead}." if instead else suggest_name(name, parameter_names, function)
            raise TypeError(f"{function} got an unexpected keyword argument {name!r}: {remedy}")


def suggest_name(name: str, names: Sequence[str], function: str) -> str:
    """Return a question about the known name that is probably meant, or else a list of the names of `function`."""
    similar = get_close_matches(name, names, n=1, cutoff=MIN_SIMILARITY)
    slips = [parameter for parameter in names if is_one_slip(name, parameter)]
    near = PARAMETERS_ELSEWHERE.get(name) or next(iter([*similar, *slips]), None)
    if near and near.isidentifier() and near not in names:  # an argument of `fit` that the estimator itself takes
        near += f", a parameter of {function.split('.')[0]}"
    listed = ", ".join(names) if len(names) <= MAX_NAMES_LISTED else f"those of help({function})"
    return f"did you mean {near}?" if near else f"known are {listed}."


def is_one_slip(name: str, other: str) -> bool:
    """Whether a name becomes a known one if one letter is added, removed or replaced, or two neighbours are swapped."""
    pairs = enumerate(zip(name, other, strict=False))
    i = next((i for i, (letter, right) in pairs if letter != right), min(len(name), len(other)))  # the first difference
    swapped = name[:i] + name[i : i + 2][::-1] + name[i + 2 :]
    is_slip = other[i + 1 :] in (name[i:], name[i + 1 :]) or other[i:] == name[i + 1 :] or other == swapped
    return is_slip and len(other) >= MIN_LETTERS_OF_A_SLIP


def suggest_value(value: str, values: Iterable[str]) -> str:
    """Return a hint at the one of some values that a str probably means, for a message; "" if there is none."""
    names = list(values)
    candidates = [elsewhere.get(value.lower()) for elsewhere in (VALUES_ELSEWHERE, SCORERS_ELSEWHERE)]
    meant = next((name for name in candidates if name in names), None)
    if meant is None:
        by_spelling = {spelling: name for name in names for spelling in (_sorted_words(name), "".join(_words(name)))}
        near = get_close_matches(_sorted_words(value), by_spelling, n=1)
        meant = by_spelling[near[0]] if near else None
    return f" Did you mean {meant!r}?" if meant else ""


def _sorted_words(name: str) -> str:
    """Return a name with its words sorted, so that "flat_cosine" equals "cosine_flat"."""
    return "_".join(sorted(_words(name)))


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case."""
    return re.split(r"[\W_]+", name.lower())

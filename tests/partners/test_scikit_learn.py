"""scikit-learn's meta-estimators, selectors, displays and inspection, on frames with text where these pass them on."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    LearningCurveDisplay,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    cross_validate,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.semi_supervised import SelfTrainingClassifier

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.partners.tables import ANY, MIXED, NUMBERS, PRICE, QUICK, SOLD

FEW_EPOCHS = QUICK | {"max_iter": 10, "learning_rate_init": 0.03}
net, regressor = SigmoidMLPClassifier(**FEW_EPOCHS), SigmoidMLPRegressor(**FEW_EPOCHS)
two = [("sigmoid", net), ("relu", SigmoidMLPClassifier(**FEW_EPOCHS, activation="relu"))]
two_regressors = [("sigmoid", regressor), ("relu", SigmoidMLPRegressor(**FEW_EPOCHS, activation="relu"))]
by_position = SigmoidMLPClassifier(**FEW_EPOCHS, categorical_features=[2])  # of arrays that hold text
both = np.c_[SOLD == "yes", MIXED["age"] > 0].astype(int)
# where scikit-learn turns a frame into numbers, categories are encoded first, and named by their position
coded = make_column_transformer((OrdinalEncoder(), ["colour"]), remainder="passthrough")
of_codes = SigmoidMLPClassifier(**FEW_EPOCHS, categorical_features=[0])


FITS = {
    "calibrated": (CalibratedClassifierCV(net, cv=3), MIXED, SOLD),
    "frozen": (CalibratedClassifierCV(FrozenEstimator(net.fit(MIXED, SOLD))), MIXED, SOLD),
    "frozen members": (
        CalibratedClassifierCV(FrozenEstimator(SigmoidMLPClassifier(**FEW_EPOCHS, n_members=2).fit(MIXED, SOLD))),
        MIXED,
        SOLD,
    ),
    "bagging": (BaggingClassifier(by_position, n_estimators=2, random_state=0), MIXED, SOLD),
    "bagging of numbers": (BaggingRegressor(regressor, n_estimators=2, random_state=0), NUMBERS, PRICE),
    "boosting": (AdaBoostClassifier(by_position, n_estimators=2, random_state=0), MIXED, SOLD),
    "boosting of numbers": (AdaBoostRegressor(regressor, n_estimators=2, random_state=0), NUMBERS, PRICE),
    "stacking": (StackingClassifier(two, cv=2), MIXED, SOLD),
    "stacking of regressors": (StackingRegressor(two_regressors, cv=2), MIXED, PRICE),
    "voting": (VotingClassifier(two, voting="soft"), MIXED, SOLD),
    "voting of regressors": (VotingRegressor(two_regressors), MIXED, PRICE),
    "chain": (make_pipeline(coded, ClassifierChain(of_codes, random_state=0)), MIXED, both),
    "chain of regressors": (RegressorChain(regressor, random_state=0), NUMBERS, np.c_[PRICE, MIXED["age"]]),
    "several outputs": (MultiOutputClassifier(net), MIXED, both),
    "one against the rest": (OneVsRestClassifier(net), MIXED, MIXED["colour"]),
    "one against one": (make_pipeline(coded, OneVsOneClassifier(of_codes)), MIXED, MIXED["colour"]),
    "output codes": (OutputCodeClassifier(net, random_state=0), MIXED, np.digitize(PRICE, [-1.0, 1.0])),
    "transformed target": (TransformedTargetRegressor(regressor, func=np.arcsinh, inverse_func=np.sinh), MIXED, PRICE),
    "tuned threshold": (TunedThresholdClassifierCV(net, cv=2), MIXED, SOLD),
    "fixed threshold": (FixedThresholdClassifier(net, threshold=0.4, pos_label="yes"), MIXED, SOLD),
}


@pytest.mark.filterwarnings("ignore:sample_weight adds up to 1", "ignore:.* rows are copies of others")  # AdaBoost
@pytest.mark.parametrize("meta, X, y", FITS.values(), ids=FITS)
def test_meta_estimators_learn_with_ours(meta, X, y):
    assert meta.fit(X, y).score(X, y) > 0.6


@pytest.mark.parametrize(
    "frame",
    [pl.from_pandas(MIXED), MIXED.convert_dtypes(dtype_backend="pyarrow")],
    ids=["polars", "Arrow"],
)
def test_meta_estimators_take_frames_of_other_libraries(frame):
    search = GridSearchCV(make_pipeline("passthrough", net), {"sigmoidmlpclassifier__alpha": [0.1, 1.0]}, cv=2)
    assert search.fit(frame, SOLD).score(frame, SOLD) > 0.8
    expected = clone(net).set_params(alpha=search.best_params_["sigmoidmlpclassifier__alpha"]).fit(MIXED, SOLD)
    np.testing.assert_allclose(search.predict_proba(frame), expected.predict_proba(MIXED), rtol=1e-5)
    assert StackingClassifier(two, cv=2).fit(frame, SOLD).score(frame, SOLD) > 0.8
    pandas_only = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()  # columns are shuffled in pandas
    found = permutation_importance(search, pandas_only, SOLD, n_repeats=2, random_state=0)
    assert found.importances_mean.argmax() == 0


def test_self_training_learns_from_unlabelled_rows():
    y = np.where(np.arange(len(SOLD)) % 3 == 0, -1, SOLD == "yes")
    assert SelfTrainingClassifier(net).fit(NUMBERS, y).score(NUMBERS, SOLD == "yes") > 0.8


@pytest.mark.parametrize(
    "selector",
    [
        RFE(net, n_features_to_select=1),
        RFECV(net, cv=2, min_features_to_select=1),
        SelectFromModel(net),
        SequentialFeatureSelector(net, cv=2, n_features_to_select=1),
    ],
    ids=["elimination", "elimination by folds", "from model", "sequential"],
)
def test_selectors_find_the_column_that_counts(selector):
    assert selector.fit(NUMBERS, SOLD).get_support()[0]


def test_selection_by_importance_keeps_the_columns_of_a_frame_where_pandas_is_asked_for():
    selector = SelectFromModel(net, threshold=-np.inf, max_features=2).set_output(transform="pandas")
    pipeline = make_pipeline(selector, net).fit(MIXED, SOLD)
    kept = selector.get_feature_names_out()
    assert len(kept) == 2
    assert list(pipeline[-1].feature_names_in_) == list(kept)
    assert "size" in kept
    assert pipeline.score(MIXED, SOLD) > 0.8


def test_permutation_importance_and_partial_dependence_find_the_effect():
    fitted = regressor.fit(MIXED, PRICE)
    importance = permutation_importance(fitted, MIXED, PRICE, n_repeats=2, random_state=0).importances_mean
    assert importance.argmax() == 0
    average = partial_dependence(fitted, MIXED, ["size"], grid_resolution=5)["average"][0]
    assert (np.diff(average) > 0.0).all()
    by_colour = partial_dependence(fitted, MIXED, ["colour"], categorical_features=["colour"], grid_resolution=5)
    assert by_colour["grid_values"][0][by_colour["average"][0].argmax()] == "red"


@pytest.mark.parametrize("name", ["grade", "when", "used", "weight", "size"])
def test_partial_dependence_takes_text_with_gaps_and_dates_at_values_that_it_is_given(name):
    fitted = regressor.fit(ANY, PRICE)
    values = ANY[name].unique()[:3]
    found = partial_dependence(fitted, ANY, [name], custom_values={name: values}, kind="average")["average"][0]
    np.testing.assert_allclose(found, [fitted.predict(ANY.assign(**{name: value})).mean() for value in values])


def folds():
    return cross_validate(net, MIXED, SOLD, cv=2, return_estimator=True, return_indices=True)


def plots():
    """Yield every display of scikit-learn that takes an estimator, by name, as a function that draws it."""
    for display in (
        RocCurveDisplay,
        PrecisionRecallDisplay,
        DetCurveDisplay,
        ConfusionMatrixDisplay,
        CalibrationDisplay,
    ):
        yield display.__name__, lambda d=display: d.from_estimator(net.fit(MIXED, SOLD), MIXED, SOLD)
    for display in RocCurveDisplay, PrecisionRecallDisplay:
        if hasattr(display, "from_cv_results"):  # later than our oldest scikit-learn
            yield f"{display.__name__} of folds", lambda d=display: d.from_cv_results(folds(), MIXED, SOLD)
    yield "errors", lambda: PredictionErrorDisplay.from_estimator(regressor.fit(MIXED, PRICE), MIXED, PRICE)
    yield (
        "dependence",
        lambda: PartialDependenceDisplay.from_estimator(
            regressor.fit(MIXED, PRICE), MIXED, ["size", ("size", "age")], grid_resolution=4
        ),
    )
    yield (
        "boundary",
        lambda: DecisionBoundaryDisplay.from_estimator(
            net.fit(NUMBERS[["size", "age"]], SOLD), NUMBERS[["size", "age"]], grid_resolution=10
        ),
    )
    yield "learning curve", lambda: LearningCurveDisplay.from_estimator(net, MIXED, SOLD, cv=2, train_sizes=[0.5, 1.0])
    yield (
        "validation curve",
        lambda: ValidationCurveDisplay.from_estimator(
            net, MIXED, SOLD, param_name="alpha", param_range=[0.1, 1.0], cv=2
        ),
    )


PLOTS = dict(plots())


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_displays_are_drawn(draw):
    assert draw() is not None
    plt.close("all")

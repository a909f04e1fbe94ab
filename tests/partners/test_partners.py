"""Packages of scikit-learn's neighbourhood, as docs/partners.md says to use them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.partners.tables import ANY, MIXED, NUMBERS, PRICE, QUICK, RARE, SOLD

# what partners warn of by themselves is theirs to mend
pytestmark = [pytest.mark.partners, pytest.mark.filterwarnings("default")]
net, regressor = SigmoidMLPClassifier(**QUICK), SigmoidMLPRegressor(**QUICK)


# --- explanations ----------------------------------------------------------------------------------------------------


def test_shap_explains_numbers():
    shap = pytest.importorskip("shap")
    fitted = regressor.fit(NUMBERS, PRICE)
    found = shap.KernelExplainer(fitted.predict, NUMBERS[:20]).shap_values(NUMBERS[:4], silent=True)
    middle = fitted.predict(NUMBERS[:20]).mean()
    np.testing.assert_allclose(middle + found.sum(axis=1), fitted.predict(NUMBERS[:4]), atol=1e-4)
    found = shap.Explainer(fitted.predict, NUMBERS[:20], seed=0)(NUMBERS[:4])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), fitted.predict(NUMBERS[:4]), atol=1e-4)
    assert list(fitted.feature_names_in_) == list(NUMBERS)  # SHAP clears those of a copy


def test_shap_explains_frames_of_any_columns_through_codes():
    shap = pytest.importorskip("shap")
    fitted = regressor.fit(ANY, PRICE)
    levels = {name: pd.factorize(ANY[name], use_na_sentinel=False) for name in ANY}
    codes = pd.DataFrame({name: found for name, (found, _) in levels.items()})

    def predict(rows):
        columns = zip(levels.items(), np.asarray(rows, dtype=int).T, strict=True)
        return fitted.predict(pd.DataFrame({name: values.take(row) for (name, (_, values)), row in columns}))

    np.testing.assert_array_equal(predict(codes), fitted.predict(ANY))
    found = shap.PermutationExplainer(predict, codes[:20], seed=0)(codes[:4], silent=True)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), fitted.predict(ANY[:4]), atol=1e-4)


def test_shap_draws_explanations():
    shap = pytest.importorskip("shap")
    plots = pytest.importorskip("matplotlib.pyplot")
    found = regressor.fit(ANY, PRICE).explain(ANY[:60]).to_shap()
    assert list(found.feature_names) == list(ANY)
    assert found.shape == (60, len(ANY.columns))
    several = net.fit(ANY, np.digitize(PRICE, [-1.0, 1.0])).explain(ANY[:60]).to_shap()
    assert list(several.output_names) == ["0", "1", "2"]
    for explanation in (found, several[..., 1]):
        for draw in (
            lambda e: shap.plots.bar(e, show=False),
            lambda e: shap.plots.bar(e[0], show=False),
            lambda e: shap.plots.beeswarm(e, show=False),
            lambda e: shap.plots.waterfall(e[0], show=False),
            lambda e: shap.plots.scatter(e[:, 3], show=False),
        ):
            draw(explanation)
            assert plots.gcf().axes
            plots.close("all")


# --- intervals -------------------------------------------------------------------------------------------------------


def test_mapie():
    mapie = pytest.importorskip("mapie.regression")
    split = mapie.SplitConformalRegressor(regressor, confidence_level=0.8, prefit=False)
    split.fit(MIXED[:120], PRICE[:120]).conformalize(MIXED[120:], PRICE[120:])
    _, interval = split.predict_interval(MIXED[120:])
    covered = (interval[:, 0, 0] <= PRICE[120:]) & (PRICE[120:] <= interval[:, 1, 0])
    assert 0.75 <= covered.mean() <= 0.9
    cross = mapie.CrossConformalRegressor(regressor, confidence_level=0.8, cv=3).fit_conformalize(MIXED, PRICE)
    assert cross.predict_interval(MIXED)[1].shape == (len(MIXED), 2, 1)
    sets = pytest.importorskip("mapie.classification").SplitConformalClassifier(net, confidence_level=0.8, prefit=False)
    sets.fit(MIXED[:120], SOLD[:120]).conformalize(MIXED[120:], SOLD[120:])
    assert sets.predict_set(MIXED)[1].shape == (len(MIXED), 2, 1)


# --- preparation -----------------------------------------------------------------------------------------------------


def test_imbalanced_learn():
    pytest.importorskip("imblearn")
    from imblearn.ensemble import BalancedBaggingClassifier
    from imblearn.over_sampling import SMOTENC, RandomOverSampler
    from imblearn.pipeline import make_pipeline as with_samplers

    for sampler in RandomOverSampler(random_state=0), SMOTENC(["colour"], random_state=0):
        assert with_samplers(sampler, net).fit(MIXED, RARE).score(MIXED, RARE) > 0.9
    by_position = SigmoidMLPClassifier(**QUICK, categorical_features=[2])
    bagged = BalancedBaggingClassifier(by_position, n_estimators=2, random_state=0)
    assert bagged.fit(MIXED, RARE).score(MIXED, RARE) > 0.8


def test_category_encoders():
    encoders = pytest.importorskip("category_encoders")
    for encoder in encoders.TargetEncoder(), encoders.CatBoostEncoder(), encoders.CountEncoder():
        assert make_pipeline(encoder, net).fit(MIXED, RARE).score(MIXED, RARE) > 0.8


def test_feature_engine():
    pytest.importorskip("feature_engine")
    from feature_engine.creation import MathFeatures
    from feature_engine.encoding import RareLabelEncoder
    from feature_engine.imputation import MeanMedianImputer
    from feature_engine.selection import SelectByShuffling

    steps = MeanMedianImputer(), RareLabelEncoder(n_categories=2), MathFeatures(["size", "age"], func="sum"), net
    assert make_pipeline(*steps).fit(MIXED, SOLD).score(MIXED, SOLD) > 0.8
    chosen = SelectByShuffling(net, cv=2, scoring="accuracy", random_state=0).fit(NUMBERS, RARE)
    assert "size" in chosen.get_feature_names_out()


def test_skrub():
    skrub = pytest.importorskip("skrub")
    dated = MIXED.assign(day=pd.date_range("2024-01-01", periods=len(MIXED)))
    for model in (
        skrub.tabular_pipeline(net),
        make_pipeline(skrub.TableVectorizer(), net),
        make_pipeline(skrub.Cleaner(), net),
    ):
        assert model.fit(dated, SOLD).score(dated, SOLD) > 0.7
    X, y = skrub.X(dated), skrub.y(SOLD)
    assert len(X.skb.apply(skrub.Cleaner()).skb.apply(net, y=y).skb.cross_validate(cv=2)) == 2


# --- searches, tracking ----------------------------------------------------------------------------------------------


class Report:
    """As in examples/tuning/optuna_pruning.py: an epoch's score is told to a trial, which may end training."""

    def __init__(self, trial):
        self.trial = trial

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name != "epoch":
            return False
        self.trial.report(fitted_estimator.validation_scores_[-1], context.task_id)
        return self.trial.should_prune()


def test_optuna_prunes_a_trial_while_it_trains():
    optuna = pytest.importorskip("optuna")
    trained = {}

    def objective(trial):
        settings = QUICK | {"learning_rate_init": 1e-6 if trial.number else 0.02, "early_stopping": True}
        net = SigmoidMLPClassifier(**settings).set_callbacks(Report(trial)).fit(MIXED, SOLD)
        trained[trial.number] = net.n_iter_
        if trial.should_prune():
            raise optuna.TrialPruned
        return net.best_validation_score_

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(1, 2))
    study.optimize(objective, n_trials=2)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    assert trained[1] < trained[0] <= QUICK["max_iter"]
    assert len(study.trials[1].intermediate_values) == trained[1]


def test_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("skops")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("nets", artifact_location=f"file://{tmp_path}/files"))
    mlflow.sklearn.autolog(log_models=False)
    with mlflow.start_run() as run:  # a step of a Pipeline: mlflow watches scikit-learn's own classes
        make_pipeline(net).fit(NUMBERS, RARE)
    logged = mlflow.get_run(run.info.run_id).data
    assert logged.params["sigmoidmlpclassifier__max_iter"] == "20"
    assert logged.metrics["training_accuracy_score"] > 0.8
    with mlflow.start_run() as run:
        GridSearchCV(net, {"alpha": [0.1, 1.0]}, cv=2).fit(NUMBERS, RARE)
    assert mlflow.get_run(run.info.run_id).data.params["best_alpha"] in {"0.1", "1.0"}
    mlflow.sklearn.autolog(disable=True)
    fitted = net.fit(MIXED, SOLD)
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(fitted, name="net", skops_trusted_types=["sknet.SigmoidMLPClassifier"])
    loaded = mlflow.sklearn.load_model(info.model_uri)
    np.testing.assert_array_equal(loaded.predict_proba(MIXED), fitted.predict_proba(MIXED))

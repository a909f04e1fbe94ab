"""What scikit-learn's API asks of an estimator: named keywords, warnings at the user's line, pages in notebooks.
Hints at the names that a user may have meant (suggestions.py) are tested with the keywords.
"""

import inspect
import re
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.utils.fixes import parse_version

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import sklearn_api
from sknet._estimators.sklearn_api import warn

# --- tags ------------------------------------------------------------------------------------------------------------


def test_scikit_learn_is_told_of_several_labels_in_a_row():
    tags = SigmoidMLPClassifier().__sklearn_tags__()
    assert tags.classifier_tags.multi_label
    assert tags.target_tags.multi_output


# --- keywords --------------------------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(40, 2))


class Mine(SigmoidMLPRegressor):
    def __init__(self, alpha=1.0):
        super().__init__(alpha=alpha, hidden_sizes=3)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: SigmoidMLPRegressor(hidden_layers=3), "SigmoidMLPRegressor got .* did you mean hidden_layer_sizes?"),
    (lambda: SigmoidMLPClassifier(label_smooth=0.1), "SigmoidMLPClassifier got .*: did you mean label_smoothing?"),
    (lambda: SigmoidMLPRegressor(epochs=3), r"'epochs': did you mean max_iter\?$"),
    (lambda: SigmoidMLPRegressor(cat_features=[0]), r"'cat_features': did you mean categorical_features\?$"),
    (lambda: SigmoidMLPRegressor(n_estimators=9), "'n_estimators': did you mean max_iter, .* or n_members"),
    (lambda: SigmoidMLPRegressor(num_leaves=9), r"'num_leaves': did you mean hidden_layer_sizes\?"),
    (lambda: SigmoidMLPRegressor(n_jobs=2), "'n_jobs': did you mean the environment variable OMP_NUM_THREADS"),
    (lambda: SigmoidMLPRegressor(max_time=2), r"'max_time': did you mean set_callbacks\(TimeLimit\(seconds\)\)\?"),
    (lambda: SigmoidMLPRegressor(max_epochs=2), r"'max_epochs': did you mean max_iter\?$"),
    (lambda: SigmoidMLPRegressor(max_bins=2), r"'max_bins': did you mean n_bins\?$"),
    (lambda: SigmoidMLPRegressor(nesterov=True), r"'nesterov': did you mean nesterovs_momentum\?$"),
    (lambda: SigmoidMLPRegressor(penalty="l1"), r"'penalty': did you mean alpha, with l1_ratio for the L1 penalty\?$"),
    (lambda: SigmoidMLPRegressor(offset=2), r"'offset': did you mean sample_weight=exposure, with the rate as y\?$"),
    (lambda: SigmoidMLPRegressor(family="poisson"), r"'family': did you mean loss\?$"),
    (lambda: SigmoidMLPRegressor(link="log"), r"'link': did you mean loss, which comes with its link\?$"),
    (lambda: SigmoidMLPRegressor(ntree=9), "'ntree': did you mean max_iter, .* or n_members"),
    (lambda: SigmoidMLPClassifier(is_unbalance=True), "'is_unbalance': did you mean class_weight, a parameter of Sig"),
    (lambda: SigmoidMLPRegressor(class_weights=2), "did you mean class_weight, a parameter of SigmoidMLPClassifier"),
    (lambda: SigmoidMLPRegressor(class_weight=2), "did you mean class_weight, a parameter of SigmoidMLPClassifier"),
    (lambda: SigmoidMLPClassifier(metric="auc"), r"'metric': did you mean scoring\?$"),
    (lambda: SigmoidMLPRegressor(mtry=3), "'mtry': did you mean dropout, alpha or weight_decay"),
    (lambda: SigmoidMLPRegressor(min_samples_leaf=3), "'min_samples_leaf': did you mean alpha, weight_decay"),
    (lambda: SigmoidMLPRegressor(device="cuda"), r"'device': did you mean sknet.export.to_torch, for predictions on a"),
    (lambda: SigmoidMLPRegressor(n_bons=2), r"'n_bons': did you mean n_bins\?"),
    (lambda: SigmoidMLPRegressor(n_jbs=2), r"'n_jbs': known are those of"),  # a similarity of 0.73 to "n_bins"
    (lambda: SigmoidMLPClassifier(zzz=3), r"'zzz': known are those of help\(SigmoidMLPClassifier\)"),
    (lambda: SigmoidMLPRegressor(3, "relu", 3), "SigmoidMLPRegressor: too many positional arguments"),
    (lambda: Mine(), "Mine got an unexpected keyword argument 'hidden_sizes': did you mean hidden_layer_sizes"),
])  # fmt: skip
def test_unknown_parameters_raise_and_name_the_nearest(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(("slip", "meant"), [
    ("tal", "tol"), ("tl", "tol"), ("tool", "tol"), ("otl", "tol"), ("ltoo", None), ("lass", "loss"), ("lsos", "loss"),
    ("unit", "init"), ("int", "init"), ("unite", None), ("toll", "tol"), ("too", "tol"), ("tto", None),
])  # fmt: skip
def test_a_short_name_with_one_slip_is_answered_with_the_name(slip, meant):
    with pytest.raises(TypeError, match=f"{slip!r}: " + (rf"did you mean {meant}\?$" if meant else "known are")):
        SigmoidMLPRegressor(**{slip: 1})


def test_names_of_one_or_two_letters_are_not_suggested_for_others():
    with pytest.raises(TypeError, match="'Z': known are X, y, sample_weight"):
        SigmoidMLPRegressor().fit(X, X[:, 0], Z=X)


@pytest.mark.parametrize(("method", "name", "message"), [
    ("fit", "eval_set", r"SigmoidMLPRegressor.fit\(\) got an .* 'eval_set': did you mean X_val and y_val\?"),
    ("fit", "sample_weights", "did you mean sample_weight?"),
    ("fit", "callbacks", r"'callbacks': did you mean set_callbacks\(\.\.\.\)\?"),
    ("fit", "epochs", r"'epochs': did you mean max_iter, a parameter of SigmoidMLPRegressor\?"),
    ("partial_fit", "classes", "'classes': known are X, y, sample_weight"),
])  # fmt: skip
def test_unsuitable_arguments_are_refused(method, name, message):
    net = SigmoidMLPRegressor()
    with pytest.raises(TypeError, match=message):
        getattr(net, method)(X, X[:, 0], **{name: X})
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize(("kind", "name", "instead"), [
    (SigmoidMLPClassifier, "predict_interval", "predict_set and predict_proba"),
    (SigmoidMLPClassifier, "predict_quantiles", "predict_set and predict_proba"),
    (SigmoidMLPRegressor, "predict_set", "predict_interval and predict_quantiles"),
    (SigmoidMLPRegressor, "predict_proba", "predict_interval and predict_quantiles"),
])  # fmt: skip
def test_a_method_of_the_other_estimator_is_missing_and_answered_with_what_there_is(kind, name, instead):
    net = kind()
    assert not hasattr(net, name)
    assert name not in dir(net)
    with pytest.raises(AttributeError, match=f"'{kind.__name__}' object has no attribute '{name}': a .* has {instead}"):
        getattr(net, name)


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_other_missing_attributes_have_pythons_message(kind):
    with pytest.raises(AttributeError, match=f"^'{kind.__name__}' object has no attribute 'predict_all'$"):
        kind().predict_all  # noqa: B018


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_signatures_stay_what_they_are(kind):
    assert list(inspect.signature(kind).parameters) == list(inspect.signature(kind.__init__).parameters)[1:]
    assert {*inspect.signature(kind).parameters} == {*kind().get_params()} == {*clone(kind(alpha=1.0)).get_params()}
    assert [*inspect.signature(kind.fit).parameters][:4] == ["self", "X", "y", "sample_weight"]


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_no_error_names_a_private_class(kind):
    """Neither for a keyword that does not exist, nor for an argument that is missing, nor for one too many."""
    public = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    methods = [n for n, m in public.items() if inspect.isfunction(m) and m.__module__.startswith("sknet.")]
    assert {"fit", "resume", "explain", "transform", "activations", "input_gradients", "backpropagate"} <= {*methods}
    net = kind(max_iter=1).fit(X, X[:, 0] > 0)
    for name in methods:
        for call in (lambda m: m(bg=X), lambda m: m(), lambda m: m(*[X] * 20)):
            try:
                call(getattr(net, name))
            except (TypeError, ValueError) as error:
                assert f"{name}()" in str(error) or name == "set_params", error
                assert "InMemoryMLP" not in str(error), error
                assert "BaseSigmoidMLP" not in str(error), error


@pytest.mark.parametrize(("name", "remedy"), [
    ("hiden_layer_sizes", r"did you mean hidden_layer_sizes\?"), ("lr", r"did you mean learning_rate_init\?"),
    ("colour", r"known are those of help\(SigmoidMLPRegressor\)"), ("alpha__x", r"did you mean alpha\?"),
])  # fmt: skip
def test_an_unknown_name_in_set_params_is_answered_with_the_nearest(name, remedy):
    net = SigmoidMLPRegressor(alpha=2.0)
    with pytest.raises(ValueError, match=rf"Invalid parameter '{name}' for estimator SigmoidMLPRegressor: {remedy}"):
        net.set_params(alpha=3.0, **{name: 1})
    assert net.alpha == 2.0
    assert net.set_params(alpha=3.0) is net
    assert net.alpha == 3.0


def test_an_argument_of_explain_is_answered_with_the_nearest():
    net = SigmoidMLPRegressor(max_iter=1).fit(X, X[:, 0])
    with pytest.raises(TypeError, match=r"SigmoidMLPRegressor.explain\(\) got an unexpected keyword argument 'bg': "):
        net.explain(X, bg=X)
    with pytest.raises(TypeError, match="did you mean background?"):
        net.explain(X, back_ground=X)
    with pytest.raises(
        TypeError, match=r"SigmoidMLPRegressor.explain\(\): missing a required argument: 'X'. It takes X, "
    ):
        net.explain()


@pytest.mark.parametrize(
    ("kind", "method", "arguments", "keywords", "message"),
    [
        (SigmoidMLPRegressor, "predict", (), {"return_std": True}, "predict_interval and predict_quantiles"),
        (SigmoidMLPRegressor, "predict", (), {"return_cov": True}, "'return_cov': .*predict_interval"),
        (SigmoidMLPRegressor, "predict", (), {"exposure": 2.0}, "multiply its rates by the exposure"),
        (SigmoidMLPRegressor, "predict", (X[:, 0],), {}, r"too many positional arguments. It takes X.$"),
        (SigmoidMLPRegressor, "score", (X[:, 0],), {"exposure": 2.0}, "did you mean sample_weight=exposure"),
        (SigmoidMLPRegressor, "score", (), {}, "missing a required argument: 'y'. It takes X, y, sample_weight.$"),
        (SigmoidMLPRegressor, "predict_interval", (), {"alpha": 0.1}, "'alpha': give coverage"),
        (SigmoidMLPRegressor, "predict_interval", (), {"coverag": 0.9}, "did you mean coverage?"),
        (SigmoidMLPRegressor, "predict_quantiles", (), {"q": 0.9}, "'q': known are X, quantiles."),
        (SigmoidMLPClassifier, "predict", (), {"threshold": 0.3}, "FixedThresholdClassifier"),
        (SigmoidMLPClassifier, "predict_proba", (), {"raw_score": True}, "known are X."),
        (SigmoidMLPClassifier, "predict_log_proba", (1,), {}, "too many positional arguments"),
        (SigmoidMLPClassifier, "predict_set", (), {"level": 0.9}, "'level': give coverage"),
        (SigmoidMLPClassifier, "decision_function", (), {"y": 1}, "known are X."),
    ],
)  # fmt: skip
def test_an_argument_that_a_prediction_method_does_not_take_is_answered(kind, method, arguments, keywords, message):
    net = kind(max_iter=1).fit(X, X[:, 0] > 0.0)
    with pytest.raises(TypeError, match=f"{kind.__name__}.{method}.*{message}"):
        getattr(net, method)(X, *arguments, **keywords)


# --- warnings --------------------------------------------------------------------------------------------------------


def test_a_warning_points_at_the_line_that_called_the_package():
    with pytest.warns(UserWarning, match="mind") as caught:
        warn("mind the gap", UserWarning)
    assert caught[0].filename == __file__


# --- notebooks show each parameter with its documentation ------------------------------------------------------------

ADDRESS = "https://documentation.example/"

shown_by_scikit_learn = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="scikit-learn shows it from 1.9 on"
)


class Metadata:
    def get_all(self, name):
        assert name == "Project-URL"
        return [f"Documentation, {ADDRESS}"]


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(sklearn_api, "metadata", lambda name: Metadata())


@shown_by_scikit_learn
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_each_parameter_has_a_link_and_a_tooltip(kind, installed):
    page = kind()._repr_html_()
    assert f"{ADDRESS}api/generated/sknet.{kind.__name__}.html" in page
    for name in kind().get_params():
        link = re.search(rf'href="([^"]*)">\s*{name}\s*<span class="param-doc-description"[^>]*>\s*(\S+)', page)
        assert link, f"{name} has no tooltip"
        assert link[1].startswith(ADDRESS)


@pytest.mark.parametrize("parameter", [{"loss": ["a"]}, {"hidden_layer_sizes": "many"}, {"solver": {}}])
def test_an_estimator_with_a_wrong_parameter_is_shown(parameter):
    assert "SigmoidMLPRegressor" in SigmoidMLPRegressor(**parameter)._repr_html_()


@shown_by_scikit_learn
def test_fitted_attributes_are_shown(installed):
    page = SigmoidMLPClassifier(max_iter=2, random_state=0).fit(*load_iris(return_X_y=True))._repr_html_()
    for name in ("n_iter_", "loss_", "classes_", "n_features_in_"):
        assert name in page


def test_sources_that_are_not_installed_have_no_links(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(sklearn_api, "metadata", missing)
    assert SigmoidMLPClassifier()._get_doc_link() == ""
    assert "SigmoidMLPClassifier" in SigmoidMLPClassifier()._repr_html_()

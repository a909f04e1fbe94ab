"""Notebooks show each parameter with its documentation."""

import re
from importlib.metadata import PackageNotFoundError

import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.utils.fixes import parse_version

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import sklearn_api

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

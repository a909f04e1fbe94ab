"""Tries an installed wheel or source distribution: `python -W error .github/try_package.py`, from any folder."""

import re
from importlib.metadata import metadata
from importlib.resources import files

from sklearn.datasets import load_diabetes, load_iris

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

about = metadata("sknet-mlp")
assert files("sknet").joinpath("py.typed").is_file()
addresses = dict(entry.split(", ") for entry in about.get_all("Project-URL"))
assert addresses.keys() == {"Documentation", "Source", "Issues", "Changelog"}
assert "pip install sknet-mlp" in about["Description"]
assert not re.findall(r"\]\((?!https?:|#)", about["Description"]), "a link that leads nowhere on PyPI"

X, labels = load_iris(return_X_y=True, as_frame=True)
accuracy = SigmoidMLPClassifier(random_state=0).fit(X, labels).score(X, labels)
assert accuracy > 0.9
X, y = load_diabetes(return_X_y=True, as_frame=True)
r2 = SigmoidMLPRegressor(random_state=0).fit(X, y).score(X, y)
assert r2 > 0.4
print(f"sknet-mlp {about['Version']}: accuracy on iris {accuracy:.2f}, R2 on diabetes {r2:.2f}")

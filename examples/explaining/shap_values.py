"""
SHAP on a raw table
===================

``explain`` computes contributions from the gradients of the network, and ``to_shap()`` passes them to SHAP's plots.

You can also use SHAP's own explainers. They call ``predict`` with rows that mix the values of several rows, and they
need numbers. So pass codes to them, and turn the codes back into values before ``predict``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shap
from sklearn.model_selection import TimeSeriesSplit

from sknet import SigmoidMLPRegressor

weather = pd.read_csv(Path(__file__).parents[1] / "data" / "weather.csv", parse_dates=["date"])
X, y = weather.drop(columns="temp_max"), weather["temp_max"]
X.loc[::9, "wind"] = np.nan
X.loc[::11, "weather"] = None
model = SigmoidMLPRegressor(max_iter=60, validation_fraction=TimeSeriesSplit(4), random_state=0).fit(X, y)
rows, background = X.sample(40, random_state=0), X.sample(20, random_state=1)

# %%

values = model.explain(rows, background=background).to_shap()
shap.plots.beeswarm(values, show=False)
plt.title("Contributions to the highest temperature of a day")
plt.tight_layout()
plt.show()

# %%

shap.plots.waterfall(values[0], show=False)
plt.tight_layout()
plt.show()

# %%
# SHAP's permutation explainer
# ----------------------------

levels = {name: pd.factorize(X[name], use_na_sentinel=False) for name in X}
codes = pd.DataFrame({name: code for name, (code, _) in levels.items()}, index=X.index)


def predict(rows):
    columns = zip(levels.items(), np.asarray(rows, dtype=int).T, strict=True)
    return model.predict(pd.DataFrame({name: known.take(code) for (name, (_, known)), code in columns}))


few = rows.index[:8]
explainer = shap.explainers.Permutation(predict, codes.loc[background.index], seed=0)
permuted = explainer(codes.loc[few], max_evals=110, silent=True)  # ten orders of the five columns
means = {"explain": np.abs(values.values[: len(few)]).mean(axis=0), "SHAP": np.abs(permuted.values).mean(axis=0)}
print(pd.DataFrame(means, X.columns).sort_values("explain", ascending=False).round(2).to_string())

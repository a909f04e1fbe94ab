"""
Dates and seasons
=================

A column of dates becomes a number and bins for the trend, and a sine and a cosine for each cycle: here, week and year.
Text such as 2015-06-30, as in CSV files, counts as a date, too. The network learns from three of four years of days in
Seattle, and finds the seasons by itself. ``TimeSeriesSplit`` holds later days out, since neighbouring days are alike.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit

from sknet import SigmoidMLPRegressor

weather = pd.read_csv(Path(__file__).parents[1] / "data" / "weather.csv")
is_last_year = weather["date"] >= "2015"  # text: in this format it is in the order of time
X, y = weather[["date"]], weather["temp_max"]
model = SigmoidMLPRegressor(32, validation_fraction=TimeSeriesSplit(4), random_state=0)
model.fit(X[~is_last_year], y[~is_last_year])
print(model.inputs_[["kind", "level", "scale"]].to_string())
print(f"R² on a year that it has not seen: {model.score(X[is_last_year], y[is_last_year]):.2f}")

# %%
# The week is a cycle, too, but the network hardly uses it: temperature does not depend on the day of the week.

figure, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
dates = pd.to_datetime(weather["date"])
ax.plot(dates, y, ".", ms=2, color="0.6", label="measured")
ax.plot(dates, model.predict(X), color="#14606b", label="network")
ax.axvspan(dates[is_last_year].min(), dates.max(), color="#c2571a", alpha=0.12, label="not seen")
ax.set(ylabel="highest temperature of the day, °C")
ax.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
plt.show()

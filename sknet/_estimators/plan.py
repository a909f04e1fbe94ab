"""The plan of one `fit`, `resume` or `partial_fit`: what is settled before anything is encoded."""

from dataclasses import dataclass

from sknet._estimators.read_data import Columns
from sknet._estimators.start import Start
from sknet._model.evaluation import Evaluation
from sknet._model.matrices import Encoding, EncodingLearner
from sknet._model.settings import Settings
from sknet._tables.rows import Rows


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its start, its settings, its rows, how they are encoded, and what evaluates each epoch."""

    start: Start
    settings: Settings
    resolved: dict[str, object]  # all parameters, every "auto" answered
    rows: Rows  # all of positive weight, those held out too
    columns: Columns
    encoding: Encoding
    evaluation: Evaluation
    learner: EncodingLearner | None = None  # what folds learn their own columns with; None without folds

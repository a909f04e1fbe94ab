"""The plan of one `fit`, `resume` or `partial_fit`, made before the table is encoded."""

from dataclasses import dataclass

from sknet._estimators.read_data import Columns
from sknet._estimators.start import Start
from sknet._model.encoding import Encoding, EncodingLearner
from sknet._model.evaluation import Evaluation
from sknet._model.settings import Settings
from sknet._tables.rows import Rows


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its start, settings, rows, encoding, and the evaluation of epochs."""

    start: Start
    settings: Settings
    resolved: dict[str, object]  # all parameters, with every "auto" replaced
    rows: Rows  # of positive weight, including held-out rows
    columns: Columns
    encoding: Encoding
    evaluation: Evaluation
    learner: EncodingLearner | None = None  # learns the columns again for each fold; None without folds

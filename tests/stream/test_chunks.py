"""The parts of a fit from a stream: chunks that are checked against the first, and how many rows are held out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from tests.stream.limits import held_out_rows


def test_chunks_are_checked_against_the_first():
    first = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), [0, 1]
    with pytest.raises(ValueError, match="^Chunk 2: The feature names"):
        stream.fit(SigmoidMLPClassifier(), lambda: iter([first, (pd.DataFrame({"a": [1.0]}), [0])]))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -2.0], "Chunk 1: sample_weight holds a negative weight, -2"),
        ([1.0, np.nan], "Chunk 1: Input sample_weight contains NaN, in row 1"),
        ([1.0], r"Chunk 1: sample_weight has shape \(1,\), expected \(2,\)"),
    ],
    ids=str,
)
def test_weights_of_a_chunk_are_checked_row_by_row(weight, message):
    with pytest.raises(ValueError, match=message):
        stream.fit(SigmoidMLPClassifier(), lambda: iter([(np.eye(2), [0, 1], weight)]))


@pytest.mark.parametrize("most", [50, 10**6])
def test_a_share_of_the_rows_is_held_out_up_to_a_number(most):
    X = np.random.default_rng(0).normal(size=(2000, 2))
    with held_out_rows(most):
        net = stream.fit(SigmoidMLPClassifier(max_iter=1, random_state=0), lambda: iter([(X, X[:, 0] > 0)]))
    assert abs((2000 - net.t_) - min(300, most)) < 60


def test_a_class_of_weight_zero_is_not_trained_on():
    X = np.random.default_rng(0).normal(size=(300, 2))
    net = SigmoidMLPClassifier(max_iter=1, random_state=0, early_stopping=False, class_weight={0: 1, 1: 1, 2: 0})
    stream.fit(net, lambda: iter([(X, np.arange(300) % 3)]))
    assert net.t_ == 200
    assert net.classes_.tolist() == [0, 1, 2]


def test_verbose_tells_how_many_rows_were_read(capsys):
    X = np.random.default_rng(0).normal(size=(40, 2))
    stream.fit(
        SigmoidMLPClassifier(max_iter=1, verbose=True), lambda: iter([(X[:30], X[:30, 0] > 0), (X, X[:, 0] > 0)])
    )
    assert "Rows read: 30\nRows read: 70\n" in capsys.readouterr().out


def test_scoring_rates_the_held_out_rows():
    X = np.random.default_rng(0).normal(size=(400, 2))
    net = SigmoidMLPClassifier(max_iter=2, random_state=0, scoring="accuracy")
    stream.fit(net, lambda: iter([(pd.DataFrame(X, columns=["a", "b"]), X[:, 0] > 0)]))
    assert all(0 <= score <= 1 for score in net.validation_scores_)


def rows(n=40):
    X = np.random.default_rng(0).normal(size=(n, 2))
    return lambda: iter([(X, X[:, 0] > 0)])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"solver": "lbfgs"}, "A stream does not go with solver='lbfgs'"),
        ({"n_members": 3}, "A stream does not go with n_members=3: leave n_members at its default"),
        ({"early_stopping": "folds"}, "A stream does not go with early_stopping='folds'"),
        ({"warm_start": True}, "A stream does not go with warm_start=True"),
        ({"validation_fraction": KFold()}, "A stream does not go with validation_fraction=KFold"),
        ({"class_weight": {False: 0.0, True: 0.0}}, "class_weight and sample_weight make the weight of every row zero"),
    ],
    ids=str,
)
def test_what_no_stream_can_do_is_named(parameters, message):
    net = SigmoidMLPClassifier(**{"early_stopping": False} | parameters)
    with pytest.raises(ValueError, match=message):
        stream.fit(net, rows())
    assert not hasattr(net, "coefs_")


def test_a_validation_source_must_be_asked_for_and_hold_rows():
    net = SigmoidMLPClassifier(max_iter=1, early_stopping=False)
    with pytest.raises(ValueError, match="validation is passed while early_stopping is False"):
        stream.fit(net, rows(), validation=rows())
    with pytest.raises(ValueError, match="validation gave no rows"):
        stream.fit(SigmoidMLPClassifier(max_iter=1), rows(), validation=lambda: iter([]))


def test_few_rows_are_held_out_only_if_that_is_asked_for():
    asked = SigmoidMLPClassifier(max_iter=1, early_stopping=True)
    with pytest.warns(RuntimeWarning, match="early_stopping"):
        stream.fit(asked, rows(30))
    quiet = SigmoidMLPClassifier(max_iter=1, validation_fraction=0.002)
    assert stream.fit(quiet, rows(1200)).t_ == 1200


@pytest.mark.parametrize("as_chunk", [list, tuple])
def test_chunks_may_be_sequences_of_rows(as_chunk):
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = X[:, 0]
    nets = [
        stream.fit(SigmoidMLPRegressor(4, max_iter=2, random_state=0), lambda chunk=chunk: iter([chunk]))
        for chunk in ((X, y), (as_chunk(X.tolist()), as_chunk(y.tolist())))
    ]
    np.testing.assert_array_equal(nets[1].predict(X), nets[0].predict(X))

"""Reasons are sentences; a divergence knows where it happened."""

import pickle
from dataclasses import astuple

import pytest

from sknet._training.solver import DivergedError, Epoch, StopReason, TrainingEnd

FACTS = {"max_iter": 7, "tol": 1e-4, "n_iter_no_change": 10}


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_is_a_sentence(reason):
    sentence = reason.value.format(**FACTS)
    assert "{" not in sentence and sentence[0].isupper()


def test_sentences_name_their_numbers():
    assert "(7)" in StopReason.MAX_ITER.value.format(**FACTS)
    assert "tol=0.000100 for 10 " in StopReason.LOSS_PLATEAU.value.format(**FACTS)


def test_an_error_of_divergence_names_epoch_and_rate():
    error = DivergedError(3, 0.5)
    assert (error.epoch, error.rate, str(error)) == (3, 0.5, "not finite in epoch 3 at rate 0.5")
    assert isinstance(error, ArithmeticError)


def test_values_compare_and_travel():
    epoch, result = Epoch(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), TrainingEnd(StopReason.FINISHED, 4)
    assert astuple(epoch) == (1, 2, 3, 4, 5, 6) and result.message == "" and not result.scores_undefined
    assert pickle.loads(pickle.dumps((epoch, result))) == (epoch, result)

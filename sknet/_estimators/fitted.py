"""What a fitted network does: forward passes over a table, and a look inside.

Conventions
-----------
X : (n, d)           the user's table
inputs : (n, m)      the encoded, scaled table: what the network is fed
raw : (n, k)         the network's output before the loss's link
coefs_[l] : (fan_in, fan_out)      intercepts_[l] : (fan_out,)
"""

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from sknet._estimators import assembly
from sknet._estimators.inputs import read_table, take_rows
from sknet._estimators.threads import in_parts, threads_for_rows
from sknet._network.activations import Activation
from sknet._network.losses import Loss
from sknet._network.network import Network
from sknet._network.parameters import Layout
from sknet._tables.encoding import TableEncoder
from sknet._training.result import Epoch

Array = npt.NDArray[Any]

PREDICT_ROWS = 1024
"""Rows predicted at once: enough for fast matrix products, few enough to stay in the cache."""

PART = 32
"""So many pieces a thread takes at a time; where prediction is interrupted, they are still done."""


class FittedNetwork:
    """The half of an estimator that uses what training has set."""

    coefs_: list[Array]
    intercepts_: list[Array]
    n_outputs_: int
    _encoder: TableEncoder
    _activations: tuple[Activation, ...]
    _loss: Loss
    _arithmetic: np.dtype[Any]
    _float: np.dtype[Any]
    _history: list[Epoch]

    # --- predict -----------------------------------------------------------------------------------------------------

    def _outputs(self, X: Any, finish: Callable[[Array], Array]) -> Array:
        """Return `finish` of all rows' raw outputs, a piece at a time; the pieces of many rows are shared out."""
        check_is_fitted(self)
        table = read_table(self, X, reset=False)
        n = table.shape[0]
        if n <= PREDICT_ROWS:  # done sooner than shared out
            return np.ascontiguousarray(finish(next(self._raw_pieces(table, slice(0, n)))[1]))
        # categories are spelt out under Python's lock: not a piece to be shared out
        n_pieces = ceil(n / PREDICT_ROWS) if self._encoder.plain else 0
        with threads_for_rows(n_pieces, PREDICT_ROWS, self._layout().sizes) as n_threads:
            first, raw = next(self._raw_pieces(table, slice(0, n)))
            found = finish(raw)  # which tells the shape and type of all
            outputs = np.empty((n, *found.shape[1:]), found.dtype)
            outputs[first] = found

            def fill(part: slice) -> None:
                for rows, raw in self._raw_pieces(table, part):
                    outputs[rows] = finish(raw)

            in_parts(fill, slice(first.stop, n), PART * PREDICT_ROWS, n_threads)
        return outputs

    def _raw_pieces(self, table: Any, part: slice) -> Iterator[tuple[slice, Array]]:
        """Yield pieces of these rows and their raw outputs, in the input's float type."""
        for rows, network, coefs, intercepts in self._passes(part):
            inputs = self._encoder.encode(take_rows(table, rows), self._arithmetic)
            yield rows, network.forward(inputs, coefs, intercepts).astype(self._float)

    def _passes(self, part: slice) -> Iterator[tuple[slice, Network, list[Array], list[Array]]]:
        """Yield pieces of these rows with a network to pass them through, in the arithmetic of training."""
        n_rows = min(part.stop - part.start, PREDICT_ROWS)
        network = Network(self._layout().sizes, self._activations, n_rows, self._arithmetic, backward=False)
        coefs = [W.astype(self._arithmetic, copy=False) for W in self.coefs_]
        intercepts = [b.astype(self._arithmetic, copy=False) for b in self.intercepts_]
        for start in range(part.start, part.stop, PREDICT_ROWS):
            yield slice(start, min(start + PREDICT_ROWS, part.stop)), network, coefs, intercepts

    def _raw_outputs(self, X: Any) -> Array:
        """Return the raw outputs."""
        return self._outputs(X, lambda raw: raw)

    def _predictions(self, X: Any) -> Array:
        """Return the raw outputs after the loss's link."""
        return self._outputs(X, self._linked)

    def _linked(self, raw: Array) -> Array:
        """Return the predictions that belong to raw outputs, which are lost."""
        raw = np.asfortranarray(raw)  # what a link does row by row goes faster along whole columns
        self._loss.link(raw)
        return raw

    def _layout(self) -> Layout:
        """Return the layout of the weights there are."""
        return Layout((self.coefs_[0].shape[0], *(b.size for b in self.intercepts_)))

    def _encoded(self, X: Any, y: Any, sample_weight: Any) -> assembly.Encoded:
        """Check and encode rows as for training."""
        raise NotImplementedError

    # --- a look inside -----------------------------------------------------------------------------------------------

    def activations(self, X: Any) -> list[Any]:
        """Compute every layer's output.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        outputs : list of arrays of shape (n_samples, layer size), length n_layers_
            The encoded, scaled input; each hidden layer's output; the
            network's output after its output activation.
        """
        check_is_fitted(self)
        table = read_table(self, X, reset=False)
        inputs = self._encoder.encode(table, self._arithmetic)
        outputs = [inputs.astype(self._float, copy=False)]
        outputs += [np.empty((inputs.shape[0], b.size), self._float) for b in self.intercepts_]
        for rows, network, coefs, intercepts in self._passes(slice(0, inputs.shape[0])):
            raw = network.forward(inputs[rows], coefs, intercepts)
            for whole, piece in zip(outputs[1:], [*network.outputs(), raw], strict=True):
                whole[rows] = piece
        self._loss.link(outputs[-1])
        return outputs

    def backpropagate(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[float, list[Array], list[Array]]:
        """Compute the training objective and its gradient at the present weights.

        The penalty and class weights are in, dropout is off, and all rows
        passed count as one batch. Values are those of the scaled target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        loss : float
            The weighted mean loss plus the penalty.

        coef_grads : list of arrays, shaped like coefs_
            Derivatives of the loss with respect to the weights.

        intercept_grads : list of arrays, shaped like intercepts_
            Derivatives of the loss with respect to the biases.
        """
        check_is_fitted(self)
        layout = self._layout()
        run = assembly.assemble(
            self, layout, self._activations, self._loss, self._encoded(X, y, sample_weight), None,
            dtype=self._arithmetic, n_epochs=1, patient=False,
        )  # fmt: skip
        theta = layout.pack(self.coefs_, self.intercepts_, self._arithmetic)
        gradient = np.zeros_like(theta)
        loss = run.full_gradient(theta, gradient)
        coef_grads, intercept_grads = layout.views(gradient.astype(self._float, copy=False))
        return loss, coef_grads, intercept_grads

    @property
    def network_feature_names_(self) -> Array:
        """A name for each input of the network, length coefs_[0].shape[0]."""
        check_is_fitted(self)
        return np.asarray(self._encoder.feature_names, dtype=object)

    @property
    def history_(self) -> Any:
        """A DataFrame, one row an epoch: losses, score, learning rate, gradient norm, seconds."""
        check_is_fitted(self)
        import pandas as pd

        return pd.DataFrame(self._history, columns=list(Epoch.__dataclass_fields__)).rename_axis("epoch")

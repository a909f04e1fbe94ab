"""Warnings point at the user's line."""

from threading import Thread

import pytest

from sknet._estimators.user_warnings import warn, warner


def test_a_warning_points_at_the_line_that_called_the_package():
    with pytest.warns(UserWarning, match="mind") as caught:
        warn("mind the gap", UserWarning)
    assert caught[0].filename == __file__


def test_other_threads_warn_at_the_users_line_too():
    tell = warner(RuntimeWarning)
    with pytest.warns(RuntimeWarning, match="slow") as caught:
        thread = Thread(target=tell, args=("a worker is slow",))
        thread.start()
        thread.join()
    assert [one.filename for one in caught] == [__file__]

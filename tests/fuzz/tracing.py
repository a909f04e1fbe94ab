"""An error at a chosen line of the package."""

import dis
import linecache
import sys
from contextlib import contextmanager
from pathlib import Path

import sknet

PACKAGE = str(Path(sknet.__file__).parent)


def leaves_with(frame):
    """Whether a block has ended and its `with` is about to leave: between the two, Python handles no signal.

    A lock that an error there left locked would be locked for ever.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return line.lstrip().startswith("with ") and dis.opname[frame.f_code.co_code[frame.f_lasti]] == "LOAD_CONST"


class Line:
    """A trace function that raises at the n-th line of the package that is run; without n, it counts."""

    def __init__(self, at=None, error=KeyboardInterrupt):
        self.at, self.error, self.n_lines = at, error, 0

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.n_lines += 1
            if self.n_lines == self.at:
                if leaves_with(frame):
                    self.at += 1
                else:
                    raise self.error
        elif event == "return":
            self.returned(frame)
        return self

    def returned(self, frame):
        """Note that a function of the package has ended."""

    @contextmanager
    def tracing(self):
        """Trace what is called."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)

    def during(self, call):
        """Run a call; return whether the error came through to its caller."""
        try:
            with self.tracing():
                call()
        except self.error:
            return True
        return False

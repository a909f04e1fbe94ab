"""What every attack on an estimator is judged by: its message, and that nothing has changed."""

import argparse
import pickle
import re
from collections import Counter

import numpy as np

REMEDY = re.compile(
    r"must|give|use|set|choose|write|leave|expect|may be|need|has to|one of|instance of|among|only|correct|drop|fit|"
    r"should|Reshape|minimum|at least|convert|pass|encode|replace|lower|make|\bare\b|please",
    re.IGNORECASE,
)


def bits(net):
    """Everything that a call may change, as bytes and identities; times of clocks left out."""
    given = {name: (id(value), _of_generator(value)) for name, value in vars(net).items() if name != "_fitted"}
    if not net.__sklearn_is_fitted__():
        return given, None
    plain, arrays, pieces = net.__getstate__()["_fitted"]
    timeless = {path: array for path, array in arrays.items() if not path.endswith(".seconds")}
    return given, pickle.dumps((plain, timeless, pieces))


def _of_generator(value):
    return pickle.dumps(value.get_state()) if isinstance(value, np.random.RandomState) else None


def refused(net, call, names):
    """Make a call that should be refused; return what was wrong with the outcome, or None."""
    before = bits(net)
    try:
        call()
    except (ValueError, TypeError) as error:
        wrong = of_message(str(error), names)
    except BaseException as error:
        wrong = f"raised {type(error).__name__}: {str(error)[:200]}"
    else:
        wrong = "was accepted"
    return wrong or (None if bits(net) == before else "changed the estimator")


def of_message(text, names):
    """What a message lacks: one of the names, or what to do."""
    if not any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names):
        return f"does not name {' or '.join(names)}: {text[:300]}"
    if not REMEDY.search(text):
        return f"has no remedy: {text[:300]}"
    return None


def read_options(doc, n, **others):
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--n", type=int, default=n)
    parser.add_argument("--seed", type=int, default=0)
    for name, kind in others.items():
        parser.add_argument(f"--{name}", type=kind)
    return parser.parse_args()


def tell(n, faults, what):
    """Print each kind of fault once, with how often it came."""
    print(f"{n} {what}, {len(faults)} not as they should be")
    for fault, times in Counter(faults).most_common():
        print(f"{times:6d} {fault}")

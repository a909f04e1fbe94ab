"""The door to other formats: open without their packages, and an error that says what to install."""

import subprocess
import sys

import pytest

import sknet.export

CODE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "onnx", "skl2onnx"):
            raise ImportError(f"No module named {{name!r}}")
import sknet, sknet.export
print(sorted(name for name in ("torch", "onnx", "skl2onnx", "onnxruntime") if sys.modules.get(name)))
sys.meta_path.insert(0, Hidden())
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
net = sknet.SigmoidMLPClassifier(hidden_layer_sizes=2, max_iter=2).fit(X, y)
for call in {calls}:
    try:
        eval(call)
    except ImportError as error:
        print(error)
"""


def test_no_package_is_imported_before_it_is_needed_and_the_error_says_what_to_install():
    calls = ["sknet.export.to_onnx(net, X)", "sknet.export.register_onnx_converters()", "sknet.export.to_torch(net)",
             "sknet.export.from_torch(None, net)"]  # fmt: skip
    run = subprocess.run([sys.executable, "-c", CODE.format(calls=calls)], capture_output=True, text=True, check=True)
    loaded, *errors = run.stdout.splitlines()
    assert loaded == "[]"
    assert len(errors) == 4
    for error, package in zip(errors, ["skl2onnx", "skl2onnx", "torch", "torch"], strict=True):
        assert error.endswith(f"install it with pip install {package}.")


@pytest.mark.parametrize("name", sknet.export.__all__)
def test_every_door_has_a_docstring(name):
    assert getattr(sknet.export, name).__doc__

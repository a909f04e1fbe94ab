"""The door to other formats: open without their packages, and an error that says what to install."""

import subprocess
import sys

import pytest

import sknet.export

CODE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden}:
            raise ImportError(f"No module named {{name!r}}")
sys.meta_path.insert(0, Hidden())
import sknet, sknet.export
print(sorted(name for name in ("torch", "onnx", "skl2onnx", "onnxruntime") if sys.modules.get(name)))
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
net = sknet.SigmoidMLPClassifier(hidden_layer_sizes=2, max_iter=2).fit(X, y)
for call in {calls}:
    try:
        eval(call)
    except ImportError as error:
        print(error)
"""


def run(hidden, calls):
    code = CODE.format(hidden=hidden, calls=calls)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_without_the_packages_the_error_says_what_to_install():
    calls = ["sknet.export.to_onnx(net, X)", "sknet.export.register_onnx_converters()", "sknet.export.to_torch(net)",
             "sknet.export.from_torch(None, net)"]  # fmt: skip
    loaded, *errors = run(["torch", "onnx", "skl2onnx"], calls)
    assert loaded == "[]" and len(errors) == 4
    for error, package in zip(errors, ["skl2onnx", "skl2onnx", "torch", "torch"], strict=True):
        assert error.endswith(f"install it with pip install {package}.")


def test_the_package_imports_none_of_them():
    assert run([], []) == ["[]"]


@pytest.mark.parametrize("name", sknet.export.__all__)
def test_every_door_has_a_docstring(name):
    assert getattr(sknet.export, name).__doc__

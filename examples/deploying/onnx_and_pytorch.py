"""
Files, ONNX and PyTorch
=======================

Three ways to store a fitted network: a file without pickle, an ONNX graph that takes the raw table and runs without
Python, and PyTorch layers to train further.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd

import sknet
from sknet.export import feeds_of, to_onnx

penguins = pd.read_csv(Path(__file__).parents[1] / "data" / "penguins.csv").dropna()
X, y = penguins.drop(columns="species"), penguins["species"]
model = sknet.SigmoidMLPClassifier(max_iter=40, random_state=0).fit(X, y)
expected = model.predict_proba(X)

# %%
# A file holds the weights as safetensors and everything else as text. Loading it runs no code from the file.

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "penguins.safetensors")
    sknet.save(model, file)
    print(f"{file.stat().st_size:,} bytes; the same bits:", (sknet.load(file).predict_proba(X) == expected).all())

# %%
# The ONNX graph has one input per column. onnxruntime runs it from C, C#, Java, JavaScript and more.

session = onnxruntime.InferenceSession(to_onnx(model, X).SerializeToString())
label, probabilities = session.run(None, feeds_of(model, X))
print(f"onnxruntime: largest difference {np.abs(probabilities - expected).max():.0e}, labels {label[:3]}")

# %%
# The PyTorch layers take the encoded table.

try:
    import torch

    from sknet.export import to_torch

    module = to_torch(model)
    with torch.no_grad():
        found = torch.softmax(module(torch.from_numpy(model.activations(X)[0])), dim=1).numpy()
    print(f"PyTorch: largest difference {np.abs(found - expected).max():.0e}")
    print(module)
except ImportError:
    print("PyTorch is not installed here: `pip install torch`")

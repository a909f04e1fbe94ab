"""Files that say what no writer has written, under the digest that belongs to them."""

import json
import sys
from dataclasses import is_dataclass

from safetensors import safe_open
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes

from sknet._storage import checkpoints, files
from sknet._storage.pack import hints_of

VERSION, MINOR_VERSION = files.VERSION, files.MINOR_VERSION
read_checkpoint = checkpoints.read_checkpoint
write = files.write


def header(**changes):
    """What stands at the head of each file, before the settings and the digest."""
    return {"format": files.FORMAT_NAME, "version": str(VERSION), "sknet": MINOR_VERSION} | changes


def signed(settings, arrays, **changes):
    """The bytes of a file that says this, with the digest that belongs to it."""
    arrays = {name: array.astype(array.dtype, "C", copy=False) for name, array in arrays.items()}
    metadata = header(settings=settings, **changes)
    return to_bytes(
        arrays, metadata | {"digest": files.digest(f"{metadata['version']} {metadata['settings']}", arrays)}
    )


def forge(path, change=None, **head):
    """Sign a file again in which `change` has changed the value that is saved, a dict, or `head` what stands first."""
    with safe_open(path, framework="numpy") as file:
        settings = json.loads(file.metadata()["settings"])
    if change is not None:
        change(settings["value"])
    path.write_bytes(signed(json.dumps(settings), load(path.read_bytes()), **head))


def evaluate_annotations():
    """Do what a reader does once, whatever is in a file: annotations are text that Python evaluates."""
    for module in [module for name, module in sys.modules.items() if name.startswith("sknet.")]:
        for kind in vars(module).values():
            if isinstance(kind, type) and is_dataclass(kind):
                hints_of(kind)

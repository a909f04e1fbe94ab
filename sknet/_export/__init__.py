"""Export a fitted model to ONNX and PyTorch. This package does not depend on how the model was trained."""

from sknet._network.activations import ACTIVATIONS, Activation


class ExportError(ValueError):
    """The format cannot express the estimator. The message names the reason and a remedy."""


def check_activation(activation: Activation, target: str) -> None:
    """Raise an ExportError for a user's own activation, which `target`, a format, cannot express."""
    # compare identities, since a user's activation may have the name of one of the package's
    if ACTIVATIONS.get(activation.name) is not activation:
        raise ExportError(
            f"activation={activation.name!r} is not known to {target}, which has {', '.join(ACTIVATIONS)}: choose one "
            "of these, or use sknet.save."
        )

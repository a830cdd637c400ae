"""What of a segmentor is worth compiling."""

from torch import nn


def compiled_parts(model: nn.Module) -> list[nn.Module]:
    """Backbone and, of a mask head, its decoders: what computes, with nothing that waits or draws.

    ``module.compile()`` of each leaves the names of parameters as they are.
    """
    head = model.decode_head
    decoders = (getattr(head, name, None) for name in ('pixel_decoder', 'transformer_decoder'))
    return [model.backbone, *(part for part in decoders if isinstance(part, nn.Module))]

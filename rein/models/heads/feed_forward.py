"""The two-layer network of a transformer layer."""

from torch import Tensor, nn


class FeedForward(nn.Module):
    """x + Linear(ReLU(Linear(x))), on the last dimension.

    The nesting of ``layers`` gives the parameters the names they have in released checkpoints.
    """

    def __init__(self, dims: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Sequential(nn.Linear(dims, hidden), nn.ReLU(inplace=True)),
            nn.Linear(hidden, dims),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        return tokens + self.layers(tokens)

"""Small trainable modules that refine the tokens of a frozen body."""

from rein.models.adapters.base import Adapter, BlockHook
from rein.models.adapters.rein import ReinAdapter

__all__ = ['Adapter', 'BlockHook', 'ReinAdapter']

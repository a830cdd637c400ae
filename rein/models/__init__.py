"""The networks and their parts: backbones, adapters, heads and segmentors."""

from rein.models import adapters, backbones, heads, losses, refiners, segmentors

"""Checkpoint files: read safely, compared with a model, converted, summed up."""

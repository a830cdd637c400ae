"""What happens around a training step: checkpoints, seeds, pictures."""

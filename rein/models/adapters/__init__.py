"""Small trainable modules that refine the tokens of a frozen body."""

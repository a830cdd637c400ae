"""How a segmentation is scored, domain by domain."""

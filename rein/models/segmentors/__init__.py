"""Segmentors: how a backbone, an adapter and a head become one model."""

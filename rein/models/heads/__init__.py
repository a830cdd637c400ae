"""Decode heads and the mask queries that may come from outside."""

"""Releases of data sets turned into what the configs read, for the programs of ``data_prep``."""

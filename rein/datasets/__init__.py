"""Driving data sets, their classes, and the transforms and samplers that read them."""

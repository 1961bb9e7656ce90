"""Convolutional networks for gridded geoscience data."""

"""Figures about a network: accuracy, calibration, failures."""

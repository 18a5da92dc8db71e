"""Hands and faces from frame to frame: tracks and smoothing."""

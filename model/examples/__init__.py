"""Example pictures, the recipe for the network's file alone, and a notebook."""

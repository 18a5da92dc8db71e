"""The training of the released networks, and one's own."""

"""What a visitor put in and the results, in memory for the visit."""

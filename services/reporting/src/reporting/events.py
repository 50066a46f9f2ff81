"""What the reporting service tells the others: nothing. It listens."""

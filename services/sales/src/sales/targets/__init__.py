"""What is to be sold by whom in which period, and what was."""

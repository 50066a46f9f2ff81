"""Credit: how far a customer is trusted to pay, how much it may owe, and whether that is on hold."""

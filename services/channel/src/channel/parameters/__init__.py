"""Parameters: what an administrator lays down for the whole installation, from a day on."""

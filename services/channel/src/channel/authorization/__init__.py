"""Why somebody may do something, or what is missing."""

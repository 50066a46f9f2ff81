"""How the numbers of this service are written."""

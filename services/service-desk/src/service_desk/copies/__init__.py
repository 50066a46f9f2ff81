"""Copies of what other services own: the customers and partners whose tickets we take."""
# without schemas.py: nobody reads the copies through our API; their owners show them
# without routes.py: the same

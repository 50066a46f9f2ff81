"""Copies: the little we keep of what other services own, fed by their events."""

# without schemas.py: nobody sends or reads copies here; their owners have the endpoints
# without routes.py: nobody sends or reads copies here; their owners have the endpoints

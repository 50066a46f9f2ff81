"""Conversions: customers and contacts that the sales service made of leads, taken on as it told.

They exist under their ids from the moment a lead was converted; this service gives them their number
and keeps what is known of them.
"""

# without schemas.py: what comes is an event; see consumers.py
# without routes.py: nobody asks for it here; leads are converted in the sales service

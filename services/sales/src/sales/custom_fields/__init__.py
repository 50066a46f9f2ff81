"""Custom fields: what an installation adds to leads, deals, products, quotes and orders.

# without model.py: the definitions are those of common.custom_fields
# without schemas.py: as model.py
# without use_cases.py: values are written by the use cases of their records
"""

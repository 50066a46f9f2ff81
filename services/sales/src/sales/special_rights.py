"""Rights that no operation has for its own: to see fields of a record, or to go further with it."""

from common.access.masks import Seen

PERSONAL_DATA_OF_LEADS = Seen("sales.leads.see-personal-data")

LARGER_DISCOUNTS = "sales.quotes.give-larger-discounts"
"""To send quotes as far below the price lists as `quote_larger_discount_limit_percent` says."""

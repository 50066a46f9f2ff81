"""The parameters of the installation that govern sales, and what they are until they are set."""

from common.parameters import Parameter

BASE_CURRENCY = Parameter("default_currency", "CNY")
EXCHANGE_RATE_MAX_AGE_DAYS = Parameter("exchange_rate_max_age_days", 31)
QUOTE_PLACES = Parameter("quote_decimal_places", 2)
QUOTE_DISCOUNT_LIMIT = Parameter("quote_discount_limit_percent", 100)
QUOTE_LARGER_DISCOUNT_LIMIT = Parameter("quote_larger_discount_limit_percent", 100)
ORDER_PLACES = Parameter("order_decimal_places", 2)
RECEIPT_PLACES = Parameter("receipt_decimal_places", 2)
ORDER_PAYMENT_DAYS = Parameter("order_payment_days", 30)
UNCLAIMED_LEAD_DAYS = Parameter("unclaimed_lead_days", 30)
CLAIMED_LEADS_LIMIT = Parameter("claimed_leads_limit", 50)
CLAIM_COOL_DOWN_DAYS = Parameter("lead_claim_cool_down_days", 7)
RECEIVABLE_REMINDER_DAYS = Parameter("receivable_reminder_lead_days", 7)
CREDIT_OVER_LIMIT = Parameter("credit_over_limit", "approval")
CREDIT_WITHOUT_LIMIT = Parameter("credit_without_limit", "allow")

"""The parameters of the installation that this service reads."""

from common.parameters import Parameter

BIRTHDAY_REMINDER_DAYS = Parameter("birthday_reminder_lead_days", 3)
DUPLICATES_CREATED = Parameter("duplicate_customers_created", "warn")
CODES_IMPORTED = Parameter("unknown_codes_imported", "add")
DUPLICATES_IMPORTED = Parameter("duplicate_customers_imported", "warn")

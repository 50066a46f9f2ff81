"""The parameters of the installation that govern contracts, and what they are until they are set."""

from common.parameters import Parameter

MILESTONE_NOTICE_DAYS = Parameter("milestone_notice_days", 7)
EXPIRY_NOTICE_DAYS = Parameter("contract_expiry_notice_days", 30)
QUOTED_TERM_DAYS = Parameter("quoted_contract_term_days", 365)
QUOTED_PAYMENT_DAYS = Parameter("quoted_payment_days", 30)

"""Who sees how a person is reached: rights beside that of reading the record."""

from common.access.masks import Seen

OF_EMPLOYEES = Seen("channel.employees.see-personal-data")
OF_PARTNERS = Seen("channel.partners.see-personal-data")

"""Who sees how a person is reached: rights beside that of reading the record."""

from common.access.masks import Seen

OF_CUSTOMERS = Seen("customer.customers.see-personal-data")
OF_CONTACTS = Seen("customer.contacts.see-personal-data")

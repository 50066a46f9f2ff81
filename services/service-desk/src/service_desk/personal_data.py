"""Who sees which person asks: a right beside that of reading the ticket."""

from common.access.masks import Seen

OF_TICKETS = Seen("service-desk.tickets.see-personal-data")

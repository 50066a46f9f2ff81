"""Credit: how much a customer may owe us, what it owes, and who may let an order exceed that."""

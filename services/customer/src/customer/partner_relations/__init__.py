"""What customers and partners are to each other: the same party, or an end customer of a partner."""

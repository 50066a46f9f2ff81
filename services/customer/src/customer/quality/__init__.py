"""Quality of what is known of customers: how complete it is, and what is to be put right."""

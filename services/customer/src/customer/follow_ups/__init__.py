"""Follow-ups: what is to be done with a customer next, by whom and until when."""

"""The customer service: who our customers are and what was said with them."""

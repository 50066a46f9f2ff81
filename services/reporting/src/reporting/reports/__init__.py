"""Reports: definitions as data, figures by SQL over the facts, answers as JSON and CSV."""

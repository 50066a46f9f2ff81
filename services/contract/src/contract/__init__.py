"""The contract service: what was agreed, who approved it and how far it is carried out."""

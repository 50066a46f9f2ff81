"""Exchange rates: what a currency was worth on a day, and which rate a document keeps."""

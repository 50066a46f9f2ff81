"""What is measured, against what, one command each: `make bench` or `make bench ARGS=events`."""

"""The event log: everything the services said, kept once and never changed."""

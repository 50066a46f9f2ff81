"""The service desk: requests for service, the clocks they are measured by, and what it covers."""

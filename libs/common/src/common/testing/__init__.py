"""What tests need: servers, databases, processes, faults. Imported by tests only."""

"""What open deals will bring, as it is today and as it was on every day that was kept."""

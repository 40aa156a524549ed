"""kill -9 of everything below a mount, under load."""

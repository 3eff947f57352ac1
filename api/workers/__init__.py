"""The threads behind the routes."""

"""The HTTP service and its page. FastAPI in front, one thread that owns the index behind."""

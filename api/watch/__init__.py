"""Who asks, how often, and what became of it: keys, rate limits, the access log, metrics, traces."""

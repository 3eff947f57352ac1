"""A service asked over HTTP, as `semblance.Client`: what programs on other machines use instead of a library."""

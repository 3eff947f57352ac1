"""What goes over the wire, besides what a library answers. More keys may be added beside these; none is taken away."""

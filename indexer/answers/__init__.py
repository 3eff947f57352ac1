"""An open library's codes in memory, the ways of asking them, and following what other processes change."""

"""Pictures in, codes out, neighbours found. Knows no settings, no SQL and no HTTP."""

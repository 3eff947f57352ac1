"""The report of `semblance evaluate --report`: one page that explains itself, and its figures as PNG beside it."""

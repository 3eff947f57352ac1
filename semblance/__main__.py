"""`python -m semblance`: the command, where its own script is not on the path."""

from semblance.scripts.main import main

main()

"""The `semblance` command: one thin module a subcommand in `commands`, and their helpers beside it."""

import os
import warnings

# NumPy's matrix products on one core each: the threads that call them are the ones that share out the cores, and two
# layers of threads wait for each other (measured: 3 to 20 times slower beside any other work).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Pillow's remarks on odd metadata are nothing that a person at the keyboard can mend; a picture's real faults raise.
warnings.filterwarnings("ignore", module=r"PIL\..*")

"""Networks of a few weights train faster on one core than on several that wait for each other."""

import torch

torch.set_num_threads(1)

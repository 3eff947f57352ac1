"""What the tests of training share.

Networks of a few weights train faster on one core than on several that wait for each other.
"""

from pathlib import Path

import pytest
import torch

from semblance.retrieval.images import InputSpec
from semblance.retrieval.training import data as training_data
from semblance.retrieval.training.data import TrainingData

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def drawn(sample: Path) -> TrainingData:
    """The pictures of the sample, to train on."""
    return training_data.load([sample], InputSpec(32))

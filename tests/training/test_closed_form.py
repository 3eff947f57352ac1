"""Codes that are fitted by formulas: the patches' features by hand, and what becomes of them."""

from pathlib import Path

import numpy as np
import torch

from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging import linear
from semblance.retrieval.training import closed_form
from semblance.retrieval.training import data as training_data
from semblance.retrieval.training.recipe import Fitted


def test_patches_as_convolutions_are_patches_one_by_one() -> None:
    chance = np.random.default_rng(0)
    side, count = 3, 27
    mean = chance.normal(0, 0.1, count).astype(np.float32)
    mixed = chance.standard_normal((count, count))
    whitening = ((mixed + mixed.T) / 8).astype(np.float32)  # symmetric, as whitening is
    centroids = chance.standard_normal((5, count)).astype(np.float32)
    pictures = chance.random((2, 8, 8, 3)).astype(np.float32)
    expected = np.zeros((2, 2, 2, 5))
    for n in range(2):
        near = np.empty((6, 6, 5))
        for y in range(6):
            for x in range(6):
                patch = pictures[n, y : y + side, x : x + side].ravel()
                patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10 / 255**2)
                distances = np.linalg.norm((patch - mean) @ whitening - centroids, axis=1)
                near[y, x] = np.maximum(distances.mean() - distances, 0)
        for row in range(2):
            for column in range(2):
                quarter = near[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
                expected[n, row, column] = quarter.mean(axis=(0, 1))
    module = closed_form.Patches(side, mean, whitening, centroids)
    out = module(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()
    assert np.allclose(out, expected.reshape(2, -1), atol=1e-3)


def test_features_of_patches_are_standardised_before_their_components(sample: Path) -> None:
    recipe = Fitted(name="patches", summary="", method="patches-itq", size=8, bits=5, centroids=3, patch=3)
    pictures = training_data.load([sample], InputSpec(8)).pictures
    model = closed_form.fit(recipe, pictures)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        features, logits = model.encoder[0](images).numpy(), model.encoder(images).numpy()
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    centred = standard - standard.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:5]
    components *= np.sign(np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1))
    projected = (centred @ components.T).astype(np.float32)
    assert np.allclose(logits, projected @ linear.iterative_quantisation(projected), atol=1e-3)


def test_features_that_never_vary_are_no_trouble() -> None:
    pictures = np.full((40, 8, 8, 3), 7, np.uint8)
    recipe = Fitted(name="flat", summary="", method="patches-itq", size=8, bits=5, centroids=3, patch=3)
    model = closed_form.fit(recipe, pictures)
    assert torch.isfinite(model.encoder(torch.rand(2, 3, 8, 8))).all()

"""`training`: a recipe's steps a second on this machine, the share of its peak that they reach, and where time goes."""

from semblance.retrieval.errors import UsageError
from semblance.retrieval.extras import extra
from semblance.scripts.benchmarks.figures import Asked, Row, row


def training(asked: Asked) -> list[Row]:
    """The recipe's own step on random pictures that the device holds."""
    with extra("train", "Training"):
        from semblance.retrieval.training import recipes, speed
        from semblance.retrieval.training.recipe import Recipe
        from semblance.retrieval.training.run import find_device
    recipe = recipes.find(asked.recipe)
    if not isinstance(recipe, Recipe):
        raise UsageError(f"{recipe.name} is fitted by a formula: it has no training step to measure.")
    if recipe.network.kind == "frozen":
        raise UsageError(f"{recipe.name} trains what follows another network: its steps are too short to be measured.")
    measured = speed.measure(recipe, find_device("auto"))
    name = f"training {recipe.name} on {measured.device}"
    product = f"{recipe.schedule.precision} product of {measured.side:,} x {measured.side:,}"
    return [
        row(f"{name}, batches of {measured.batch_size}", measured.pictures_per_second, "pictures/s"),
        row(f"{name}, floating point operations a picture", measured.flops / measured.batch_size / 1e9, "billion"),
        row(f"{name}, reached", measured.flops_per_second / 1e12, "TFLOP/s"),
        row(f"{name}, a {product}", measured.peak / 1e12, "TFLOP/s"),
        row(f"{name}, share of that peak", 100 * measured.share_of_peak, "%"),
        *(row(f"{name}, time: {part}", 100 * share, "%") for part, share in measured.shares.items()),
    ]

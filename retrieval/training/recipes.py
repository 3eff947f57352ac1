"""The named recipes: frozen, so that a name means the same for everyone. Single fields are overridden on the command
line.

Those of CIFAR-10 bear plain names but for the three that are tuned to be searched; those of MNIST begin with mnist-;
photos and copies are for any pictures.
"""

from semblance.retrieval.errors import RecipeError
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.groups import Damage, Network, Objectives, Schedule, Views
from semblance.retrieval.training.recipe import AnyRecipe, Fitted, Recipe

_FAST = Recipe(
    name="cifar10-fast",
    summary="256 bits on which two views of a picture agree and from which it is rebuilt; made for two cores.",
    network=Network(head=256, pooled=True),
    objectives=Objectives(reconstruction=10.0, rebuilt=0.25, agreement=1.0, projection=1.0),
    views=Views(jitter=0.4, grey=0.1),
    schedule=Schedule(epochs=120, weight_decay=1e-2, warmup=0.05),  # 40 epochs for experiments and seeds: 45 minutes
)

_SEARCHED = [
    Recipe(
        name="cifar10-ae",
        summary="Deep convolutional autoencoder with 256 rounded bits, trained by reconstruction alone.",
        network=Network(encoder=(64, 128, 192), blocks=(1, 1, 1)),
        views=Views(jitter=0.4, grey=0.2),
        damage=Damage(noise=0.3, mask=0.5),
        schedule=Schedule(epochs=24, batch_size=128),
    ),
    _FAST,
    replace(
        _FAST,
        name="cifar10",
        summary="256 bits on which two views of a picture agree and from which it is rebuilt; for an accelerator.",
        encoder=(64, 128, 256, 480),  # 512 would take the folder over 24 MB
        blocks=(2, 2, 2, 2),
        stem_stride=1,
        head=0,
        epochs=266,  # ten minutes of an H100, with --minutes
        batch_size=1024,
        learning_rate=3e-3,
    ),
]

_COPIES = replace(
    _FAST,
    name="copies",
    summary="256 bits on which copies of a photograph agree, however edited, and from which it is rebuilt.",
    size=64,
    encoder=(64, 128, 256),
    blocks=(1, 1, 1),
    stem_stride=4,
    head=0,
    decoder=(16, 24, 32, 48, 96),
    view=48,
    crop=0.25,
    temperature=0.05,
    jitter=0.6,
    tint=0.1,
    turn=10.0,
    frame=0.25,
    sharpness=0.7,
    resolution=0.4,
    caption=0.6,
    jpeg=0.3,
    grain=0.1,
    epochs=30,
    held_out=500,  # few, since people train it on their own pictures
)

_TRAINED_BITS = replace(
    _COPIES,
    name="photos-bits",
    summary="256 bits that find alike what a network's features find alike, from copies of a picture too.",
    network="frozen",
    pooled=False,
    head=1280,  # of EfficientNet-Lite0
    reconstruction=10.0,
    agreement=3.0,
    projection=0.0,
    imitation=1.0,
    likeness=0.05,
    whole=0.5,
    crop=0.35,
    resolution=0.3,
    caption=0.4,
    blur=0.03,
    kept=3,
    learning_rate=3e-3,
    epochs=40,  # of few pictures: more of them find alike only what was trained on
    held_out=200,
)

_PHOTOS = replace(
    _TRAINED_BITS,
    name="photos",
    summary="256 bits of what a network finds in photographs, by a formula, and a decoder that rebuilds pictures.",
    agreement=0.0,
    imitation=0.0,
    turn=0.0,
    frame=0.0,
    whole=0.0,
    rebuilt=0.5,
    learning_rate=2e-3,
    epochs=24,
    held_out=500,
)

_FITTED = [
    Fitted(name="hyperplanes", summary="Signs of random projections of the pixels.", method="hyperplanes"),
    Fitted(name="pca", summary="Signs of the pixels' principal components.", method="pca"),
    Fitted(
        name="pca-itq",
        summary="Principal components of the pixels, rotated so that rounding loses least.",
        method="pca-itq",
    ),
    Fitted(
        name="patches-itq",
        summary="Whitened patches by their nearest k-means centroids, pooled, then PCA-ITQ.",
        method="patches-itq",
    ),
]

_PLAIN = Recipe(
    name="plain",
    summary="Convolutional autoencoder with 256 rounded bits.",
    network=Network(encoder=(32, 64, 128), blocks=(1, 1, 1)),
    schedule=Schedule(batch_size=128, epochs=5),
)
_REAL = replace(_PLAIN, latent="real")

_METHODS = [
    _PLAIN,
    replace(_PLAIN, name="transposed", summary="Its decoder grows by transposed convolution.", decoding="transposed"),
    replace(
        _PLAIN,
        name="unpooling",
        summary="Max-pooling, and unpooling to the remembered places while it is trained.",
        network="pooling",
    ),
    replace(_PLAIN, name="denoising-noise", summary="Rebuilds pictures from noisy ones.", noise=0.25),
    replace(_PLAIN, name="denoising-mask", summary="Rebuilds pictures from ones with patches greyed out.", mask=0.3),
    replace(_PLAIN, name="denoising-salt", summary="Rebuilds pictures from ones with black and white dots.", salt=0.2),
    replace(_REAL, name="real", summary="Real latents, rounded only after training."),
    replace(
        _REAL,
        name="sparse",
        summary="Sigmoid units, each asked to be on for few pictures.",
        code="sigmoid",
        sparse=0.01,
        activity=0.1,
    ),
    replace(_REAL, name="sparse-l1", summary="Rectified units, small by their L1 norm.", code="relu", magnitude=1e-3),
    replace(_PLAIN, name="contractive", summary="A code that hardly moves when the picture does.", contractive=1e-4),
    replace(
        _PLAIN,
        name="variational",
        summary="Normal latents near a standard normal prior.",
        latent="gaussian",
        divergence=1e-3,
    ),
    replace(
        _PLAIN,
        name="bernoulli",
        summary="Bits drawn as coins, near fair ones.",
        latent="bernoulli",
        divergence=1e-3,
    ),
    replace(
        _PLAIN, name="adversarial", summary="Bits that a judge cannot tell from fair coin flips.", adversarial=1e-3
    ),
]

_VERY_DEEP = Recipe(
    name="very-deep",
    summary="3072-8192-4096-2048-1024-512-256, pretrained as Boltzmann machines: Krizhevsky & Hinton (2011).",
    network=Network(network="dense", hidden=(8192, 4096, 2048, 1024, 512), activation="sigmoid"),
    schedule=Schedule(pretraining=20, learning_rate=3e-4, precision="float32"),
)
_DENSE = [
    _VERY_DEEP,
    replace(
        _VERY_DEEP,
        name="very-deep-small",
        summary="3072-1024-512-256, pretrained as Boltzmann machines: very-deep for two cores.",
        hidden=(1024, 512),
        epochs=20,
    ),
]
_MNIST_DENSE = Recipe(
    name="mnist-dense",
    summary="784-128-32-128-784, rectified units, Adam, cross-entropy: the textbook's autoencoder.",
    size=28,
    bits=32,
    network=Network(network="dense", channels=1, pixels="binary", latent="real", code="relu"),
    views=Views(view=28),
    schedule=Schedule(weight_decay=0.0, learning_rate=1e-3, precision="float32"),
)
_MNIST: list[AnyRecipe] = [
    _MNIST_DENSE,
    replace(
        _MNIST_DENSE,
        name="mnist-deep",
        summary="784-1000-500-250-30, pretrained as Boltzmann machines: Hinton & Salakhutdinov (2006).",
        bits=30,
        hidden=(1000, 500, 250),
        activation="sigmoid",
        code="linear",
        pretraining=10,
    ),
    *(replace(recipe, name=f"mnist-{recipe.name}", size=28, bits=64) for recipe in _FITTED),
    *(
        replace(
            recipe,
            name=f"mnist-{recipe.name}",
            summary=recipe.summary.replace("256", "64"),
            size=28,
            view=28,
            bits=64,
            channels=1,
            pixels="binary",
            encoder=(16, 32),
            blocks=(1, 1),
            decoder=(8, 16, 32),
            batch_size=256,
            epochs=3,
            divergence=20 * recipe.objectives.divergence,  # of nats a pixel: 64 / 784 would be the whole bound's
        )
        for recipe in _METHODS
    ),
]

_ALL: list[AnyRecipe] = [*_SEARCHED, _COPIES, _PHOTOS, _TRAINED_BITS, *_FITTED, *_METHODS, *_DENSE, *_MNIST]
RECIPES = {recipe.name: recipe for recipe in _ALL}


def find(name: str) -> AnyRecipe:
    """The recipe of this name. Raises RecipeError."""
    if name not in RECIPES:
        raise RecipeError(f"There is no recipe {name!r}: there are {', '.join(sorted(RECIPES))}.")
    return RECIPES[name]

"""What a service holds, by its settings: a library with its catalog, or one that is in Milvus alone."""

from semblance.api.settings import Settings
from semblance.api.workers.records import Held
from semblance.indexer.library import Library


def opened(settings: Settings) -> Held:
    """What there is. Raises SemblanceError."""
    if settings.library is not None:
        return Library.open(settings.library, settings.model, settings.index)
    from semblance.indexer.elsewhere.serving import Elsewhere  # which needs a package that nobody else does

    return Elsewhere(settings.index, settings.model)

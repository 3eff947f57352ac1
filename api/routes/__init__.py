"""The routes: thin, each the way of one request; a module for each subject."""

from semblance.api.routes import facts, pictures, search, standing

ROUTERS = (search.router, pictures.router, facts.router, standing.router)

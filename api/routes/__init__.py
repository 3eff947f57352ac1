"""The routes: thin, each the way of one request; a module for each subject."""

from semblance.api.routes import changing, duplicates, jobs, pictures, search, standing

ROUTERS = (search.router, pictures.router, standing.router, changing.router, jobs.router, duplicates.router)

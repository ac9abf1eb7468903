"""All routers of the API, in the order in which its readable page shows them."""

from fastapi import APIRouter

from portal.api import (
    agreements,
    events,
    id_tokens,
    locations,
    me,
    organisations,
    providers,
    statements,
    stations,
    tariffs,
    transactions,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    me.router,
    stations.router,
    transactions.router,
    statements.router,
    id_tokens.router,
    locations.router,
    organisations.router,
    users.router,
    providers.router,
    tariffs.router,
    agreements.router,
    events.router,
)

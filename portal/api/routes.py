"""All routers of the API, in the order in which its readable page shows them."""

from fastapi import APIRouter

from portal.api import (
    agreements,
    api_keys,
    audit,
    change_orders,
    commands,
    equipment,
    events,
    groups,
    id_tokens,
    locations,
    me,
    organisations,
    providers,
    shares,
    statements,
    stations,
    tariffs,
    transactions,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    me.router,
    stations.router,
    commands.router,
    equipment.router,
    equipment.streams,
    shares.router,
    transactions.router,
    statements.router,
    id_tokens.router,
    locations.router,
    organisations.router,
    users.router,
    groups.router,
    api_keys.router,
    audit.router,
    providers.router,
    change_orders.router,
    tariffs.router,
    agreements.router,
    events.router,
)

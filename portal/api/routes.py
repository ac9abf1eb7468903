"""All routers of the API, in the order in which its readable page shows them."""

from fastapi import APIRouter

from portal.api import agreements, me, organisations, providers, users

ROUTERS: tuple[APIRouter, ...] = (
    me.router,
    organisations.router,
    users.router,
    providers.router,
    agreements.router,
)

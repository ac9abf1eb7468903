"""All pages under one router, and the page of refusals: what the program gives the application."""

from fastapi import APIRouter

from portal import live
from portal.pages import (
    commands,
    design,
    expert,
    outbox,
    overview,
    public,
    search,
    sessions,
    settings,
    statements,
    stations,
)
from portal.pages.errors import error_page

__all__ = ["error_page", "router"]

router = APIRouter()
for each in (
    public,
    live,
    overview,
    search,
    stations,
    commands,
    expert,
    sessions,
    statements,
    settings,
    outbox,
    design,
):
    router.include_router(each.router)

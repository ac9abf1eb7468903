"""All pages under one router, and the page of refusals: what the program gives the application."""

from fastapi import APIRouter

from portal import live
from portal.pages import (
    account,
    audit,
    calls,
    campaigns,
    change_orders,
    commands,
    contacts,
    design,
    documents,
    entrance,
    equipment,
    expert,
    groups,
    instructions,
    keys,
    order_drafts,
    outbox,
    overview,
    payouts,
    people,
    public,
    remote_console,
    search,
    sessions,
    settings,
    sharing,
    statements,
    stations,
    support,
    tickets,
    wallet,
    webhooks,
)
from portal.pages.errors import error_page

__all__ = ["error_page", "router"]

router = APIRouter()
for each in (
    public,
    entrance,
    live,
    overview,
    search,
    stations,
    commands,
    campaigns,
    equipment,
    expert,
    sessions,
    statements,
    payouts,
    documents,
    contacts,
    wallet,
    remote_console,
    settings,
    sharing,
    people,
    groups,
    keys,
    webhooks,
    audit,
    account,
    outbox,
    design,
    support,
    calls,
    tickets,
    order_drafts,
    change_orders,
    instructions,
):
    router.include_router(each.router)
router.include_router(remote_console.streams)

"""All pages under one router, and the page of refusals: what the program gives the application."""

from fastapi import APIRouter

from portal import live
from portal.pages import design, outbox, public, settings
from portal.pages.errors import error_page

__all__ = ["error_page", "router"]

router = APIRouter()
for each in (public.router, live.router, design.router, settings.router, outbox.router):
    router.include_router(each)

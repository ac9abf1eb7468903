"""All pages under one router, and the page of refusals: what the program gives the application."""

from fastapi import APIRouter

from portal.pages import design, public
from portal.pages.errors import error_page

__all__ = ["error_page", "router"]

router = APIRouter()
for each in (public.router, design.router):
    router.include_router(each)

"""Small stories of what happens in the field; each module has `async def run(target) -> Book`."""

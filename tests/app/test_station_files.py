"""By which address stations are told to send files, and how long those are kept."""

from datetime import timedelta
from urllib.parse import urlsplit

from app.station_files import forget_files, join_files
from csms import file_places
from csms.files import Place
from foundation.clock import SetClock
from foundation.database import Database
from foundation.settings import Settings
from tests.csms.test_files import STATION, receive
from tests.csms.test_files import place as place


async def test_the_settings_say_where_and_how_long(
    database: Database, clock: SetClock, place: Place
) -> None:
    for settings, begin in (
        (Settings(http_port=8123), "http://station:*@127.0.0.1:8123/files/up/"),
        (Settings(public_url="https://here/below"), "https://station:*@here/below/files/up/"),
    ):
        join_files(settings, database)
        async with database.unit_of_work() as db:
            made = await file_places.upload_place(db, STATION, made_by="x", now=clock.now())
        password = str(urlsplit(made.url).password)
        assert len(password) == 32
        assert made.url.replace(password, "*").startswith(begin)
        assert made.expires_at - clock.now() == timedelta(seconds=settings.file_upload_lasts_s)


async def test_logs_go_when_they_were_kept_long_enough(
    database: Database, clock: SetClock, place: Place
) -> None:
    await receive(database, place, clock.now(), b"x")
    forget = forget_files(Settings(station_files_kept_days=10), database, clock)
    for days, left in ((9, 1), (2, 0)):
        clock.advance(timedelta(days=days))
        await forget()
        async with database.unit_of_work() as db:
            found = await db.connection()
            count = (await found.exec_driver_sql("select count(*) from station_files")).scalar()
        assert count == left

"""`leitstand`: the program's command line, also as `python -m app`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from app.cli import (
    accounts,
    agreements,
    api_keys,
    auditing,
    ca,
    change_orders,
    doctor,
    documents,
    explaining,
    exports,
    migrating,
    months,
    organisations,
    providers,
    remote,
    server,
    services,
    stations,
    tariffs,
    tokens,
    users,
    wallet,
)
from app.cli.frame import say
from foundation.errors import ExpectedError
from foundation.log import configure_log
from foundation.settings import Settings

application = typer.Typer(
    name="leitstand",
    help="Leitstand: an OCPP central system with a charging backend.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
application.command()(server.serve)


@application.command()
def demo(
    exit_after: Annotated[
        bool,
        typer.Option("--exit", help="End after the summary; status 0 only if every check holds."),
    ] = False,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="[default: last month]")
    ] = None,
    stations: Annotated[int, typer.Option(min=1, help="Simulated stations.")] = 24,
    sessions: Annotated[int, typer.Option(min=1, help="Charging sessions in the month.")] = 600,
    output: Annotated[Path, typer.Option(help="Where statements and tables are written.")] = Path(
        "out/demo"
    ),
) -> None:
    """Live through a month with a simulated fleet, close it, and show what came of it."""
    from app.demo import demo as live_through  # the simulators are loaded only for this

    settings = Settings.read()
    configure_log("warning")
    status = uvloop.run(
        live_through(
            settings=settings,
            output=output,
            month=month,
            stations=stations,
            sessions=sessions,
            exit_after=exit_after,
        )
    )
    raise typer.Exit(status)


application.command()(migrating.migrate)
application.command()(doctor.doctor)
application.command("close-month")(months.close_month)
application.command("shadow-month")(months.shadow_month)
application.command()(explaining.explain)
application.command()(explaining.reconcile)
application.command("check-time")(explaining.check_time)
for name, commands in (
    ("user", users.commands),
    ("api-key", api_keys.commands),
    ("station", stations.commands),
    ("command", remote.commands),
    ("token", tokens.commands),
    ("tariff", tariffs.commands),
    ("service", services.commands),
    ("document", documents.commands),
    ("credits", wallet.commands),
    ("organisation", organisations.commands),
    ("account", accounts.commands),
    ("provider", providers.commands),
    ("agreement", agreements.commands),
    ("change-order", change_orders.commands),
    ("audit", auditing.commands),
    ("ca", ca.commands),
    ("export", exports.commands),
):
    application.add_typer(commands, name=name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0 well, 1 not, 2 wrong use."""
    try:
        application(args=None if arguments is None else list(arguments), prog_name="leitstand")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except ExpectedError as error:
        say(f"leitstand: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

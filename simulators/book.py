"""The simulators' own book: what truly happened, whatever a central system made of it.

It is written from what a simulator decided, before anything about it is sent, and nothing is ever
read back from a server, except whether it answered. The file has one JSON object per line and is
flushed line by line, so that it survives a kill; `read_book` folds the lines into records.

Energies are in Wh: `meter_…` and `energy_wh` are the truth at the station's resolution, `said_…`
are the numbers and moments that stand in its messages (the same, unless meter or clock lie).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO


@dataclass
class Record:
    """One transaction as it truly was.

    `ref` is the station's own transaction id in 2.x and None in 1.6, where station, EVSE,
    `said_started_at`, `said_start_wh` and id token tell it apart. `transaction_number` is what a
    1.6 server answered. `dropped` names messages ("start", "end") that the station gave up.
    """

    key: str
    station: str
    version: str
    evse_id: int
    connector_id: int
    ref: str | None
    id_token: str
    id_token_type: str
    started_at: str
    said_started_at: str
    meter_start_wh: int | float
    said_start_wh: int | float
    started_offline: bool
    quirks: list[str]
    remark: str | None = None
    ended_at: str | None = None
    said_ended_at: str | None = None
    meter_stop_wh: int | float | None = None
    said_stop_wh: int | float | None = None
    energy_wh: int | float | None = None
    said_energy_wh: int | float | None = None
    stop_reason: str | None = None
    readings: int = 0
    start_sent: int = 0
    end_sent: int = 0
    start_acknowledged: bool = False
    end_acknowledged: bool = False
    start_answer: str | None = None
    transaction_number: int | None = None
    dropped: list[str] = field(default_factory=list)


def moment_text(at: datetime) -> str:
    """Return a UTC moment as OCPP has it, in milliseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def number(value: Decimal) -> int | float:
    """Return a JSON number: an integer where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)


class Book:
    """Collects records and writes them, line by line, to a file if there is one.

    Every change is on disk before the caller goes on: `open_record`, `close_record` and `sent` are
    called before the message in question leaves.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            self._file = path.open("w", encoding="utf-8")
        self.records: dict[str, Record] = {}
        self.notes: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        """What was carried out: station, action, message_id, at, did, transaction (its key)."""
        self.runs: list[dict[str, Any]] = []

    def run(self, **facts: object) -> None:
        """Note what is being run, and with which options (never a password)."""
        self._line({"kind": "run", **facts})

    def note(self, what: str, **facts: object) -> None:
        """Note something that is no transaction: an authorisation, an outage, a boot."""
        self._line({"kind": "note", "what": what, **facts})

    def command(
        self,
        *,
        station: str,
        action: str,
        message_id: str,
        at: datetime,
        did: str,
        transaction: str | None = None,
    ) -> None:
        """A command is about to be carried out; `transaction` is the key of what it begins or ends.

        One that is rejected, or accepted without effect, is not noted.
        """
        self._line(
            {
                "kind": "command",
                "station": station,
                "action": action,
                "message_id": message_id,
                "at": moment_text(at),
                "did": did,
                "transaction": transaction,
            }
        )

    def open_record(self, record: Record) -> None:
        """A transaction was decided to begin."""
        self._line({"kind": "start", **asdict(record)})

    def close_record(
        self,
        key: str,
        *,
        ended_at: datetime,
        said_ended_at: datetime,
        meter_stop_wh: Decimal,
        said_stop_wh: Decimal,
        stop_reason: str,
        readings: int,
    ) -> None:
        """A transaction was decided to end."""
        record = self.records[key]
        energy_wh = meter_stop_wh - Decimal(str(record.meter_start_wh))
        said_energy_wh = said_stop_wh - Decimal(str(record.said_start_wh))
        self._line(
            {
                "kind": "end",
                "key": key,
                "ended_at": moment_text(ended_at),
                "said_ended_at": moment_text(said_ended_at),
                "meter_stop_wh": number(meter_stop_wh),
                "said_stop_wh": number(said_stop_wh),
                "energy_wh": number(energy_wh),
                "said_energy_wh": number(said_energy_wh),
                "stop_reason": stop_reason,
                "readings": readings,
            }
        )

    def sent(self, key: str, message: str) -> None:
        """`message` ("start" or "end") is about to be sent, for the first time or again."""
        self._line({"kind": "sent", "key": key, "message": message})

    def acknowledged(
        self, key: str, message: str, *, answer: str | None, transaction_number: int | None
    ) -> None:
        """The central system answered, and the station saw it."""
        self._line(
            {
                "kind": "acknowledged",
                "key": key,
                "message": message,
                "answer": answer,
                "transaction_number": transaction_number,
            }
        )

    def dropped(self, key: str, message: str, reason: str) -> None:
        """The station gave a message up."""
        self._line({"kind": "dropped", "key": key, "message": message, "reason": reason})

    def unfinished(self) -> list[Record]:
        """Return the records that have no end, or whose start or end nobody acknowledged."""
        return [
            record
            for record in self.records.values()
            if not (record.start_acknowledged and record.end_acknowledged)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the whole book as plain JSON values."""
        return {
            "runs": self.runs,
            "sessions": [asdict(record) for record in self.records.values()],
            "commands": self.commands,
            "notes": self.notes,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
        self.take_in(line)

    def take_in(self, line: Mapping[str, Any]) -> None:
        """Fold one line of a book into what is known."""
        facts = {name: value for name, value in line.items() if name != "kind"}
        match line["kind"]:
            case "start":
                self.records[facts["key"]] = Record(**facts)
            case "end":
                record = self.records[facts.pop("key")]
                for name, value in facts.items():
                    setattr(record, name, value)
            case "sent":
                record = self.records[facts["key"]]
                if facts["message"] == "start":
                    record.start_sent += 1
                else:
                    record.end_sent += 1
            case "acknowledged":
                self._take_in_answer(self.records[facts["key"]], facts)
            case "dropped":
                self.records[facts["key"]].dropped.append(facts["message"])
            case "note":
                self.notes.append(facts)
            case "command":
                self.commands.append(facts)
            case "run":
                self.runs.append(facts)
            case unknown:
                raise ValueError(f"a book has no lines of kind {unknown!r}")

    @staticmethod
    def _take_in_answer(record: Record, facts: Mapping[str, Any]) -> None:
        if facts["message"] == "start":
            record.start_acknowledged = True
            record.start_answer = facts["answer"]
            record.transaction_number = facts["transaction_number"]
        else:
            record.end_acknowledged = True


def read_book(lines: Iterable[str]) -> Book:
    """Fold the lines of a book's file; a last line cut off by a kill is left out.

    Raises:
        ValueError: If any other line is no line of a book.
    """
    book = Book()
    waiting: str | None = None
    for line in lines:
        if waiting is not None:
            book.take_in(json.loads(waiting))
        waiting = line
    if waiting is not None and waiting.endswith("\n"):
        book.take_in(json.loads(waiting))
    return book

"""A station that keeps a local list as the standard has it; for tests of lists."""

from collections.abc import Mapping
from typing import Any

from simulators.link import Reply
from tests.conformance.case import Case
from tests.csms.central import Central


class ListKeeper(Case):
    """Takes lists of at most `length` entries; a version must rise where only a part is sent."""

    def __init__(self, central: Central, identity: str, version: str) -> None:
        super().__init__(central, identity, version)
        self.tokens: dict[str, dict[str, Any]] = {}
        self.list_version = 0
        self.length = 1000
        self.is_zero_when_empty = False
        """Whether it says version 0 of a list without entries, whatever it was sent."""
        self.refuses: list[str] = []
        """What it answers to the next messages with entries instead of taking them."""

    @property
    def is_16(self) -> bool:
        return self.version == "ocpp1.6"

    @property
    def sent(self) -> list[tuple[int, str, int]]:
        """The messages that came: version, kind, entries."""
        name = "list_version" if self.is_16 else "version_number"
        return [
            (each[name], each["update_type"], len(each.get("local_authorization_list", ())))
            for action, each in self.asked
            if action == "SendLocalList"
        ]

    def answer(self, action: str, payload: Mapping[str, Any], message_id: str) -> Reply:
        if action == "GetLocalListVersion" and action not in self.answers:
            self.asked.append((action, dict(payload)))
            name = "list_version" if self.is_16 else "version_number"
            is_none = self.is_zero_when_empty and not self.tokens
            return Reply({name: 0 if is_none else self.list_version})
        if action == "SendLocalList" and action not in self.answers:
            self.asked.append((action, dict(payload)))
            return Reply({"status": self.refuses.pop(0) if self.refuses else self._take(payload)})
        return super().answer(action, payload, message_id)

    def _take(self, payload: Mapping[str, Any]) -> str:
        version = payload["list_version" if self.is_16 else "version_number"]
        is_full = payload["update_type"] == "Full"
        if not is_full and version <= self.list_version:
            return "VersionMismatch"
        tokens = {} if is_full else dict(self.tokens)
        for entry in payload.get("local_authorization_list", ()):
            value = entry["id_tag"] if self.is_16 else entry["id_token"]["id_token"]
            info = entry.get("id_tag_info" if self.is_16 else "id_token_info")
            if info is None:
                tokens.pop(value, None)
            else:
                tokens[value] = info
        if len(tokens) > self.length:
            return "Failed"
        self.tokens, self.list_version = tokens, version
        return "Accepted"


async def keeper(central: Central, version: str, **settings: Any) -> ListKeeper:
    """Return a station that has booted, with an empty list."""
    station = ListKeeper(central, await central.station(**settings), version)
    await station.connect()
    assert (await station.boot())["status"] == "Accepted"
    return station

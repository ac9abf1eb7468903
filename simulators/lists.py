"""What a station keeps for a central system: its cache, its local list, and charging profiles."""

from typing import TYPE_CHECKING, Any

from ocpp.charge_point import snake_to_camel_case

from simulators.book import moment_text
from simulators.deeds import Answer, Deed, Handler, Payload

if TYPE_CHECKING:
    from simulators.station import Station

_ACCEPTED: Answer = {"status": "Accepted"}


class Lists:
    """The lists of one station. A profile limits nothing here; it is only kept and told."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self.local_list: dict[str, Any] = {}
        self.local_list_version = 0
        self.profiles: dict[int, tuple[int, dict[str, Any]]] = {}
        """By id: the EVSE (0: the station) and the profile."""
        self.table: dict[str, Handler] = {
            "ClearCache": self._clear_cache,
            "ClearChargingProfile": self._clear_profile,
            "CustomerInformation": self._customer_information,
            "GetChargingProfiles": self._get_profiles,
            "GetCompositeSchedule": self._composite,
            "GetLocalListVersion": self._list_version,
            "SendLocalList": self._send_local_list,
            "SetChargingProfile": self._set_profile,
        }

    @property
    def _is_16(self) -> bool:
        return self._station.spec.version == "1.6"

    # ------------------------------------------------------------------- tokens

    def _clear_cache(self, payload: Payload, deed: Deed) -> Answer:
        deed.at_once("cleared its cache", self._station.known_tokens.clear)
        return _ACCEPTED

    def _list_version(self, payload: Payload, deed: Deed) -> Answer:
        return {"list_version" if self._is_16 else "version_number": self.local_list_version}

    def _send_local_list(self, payload: Payload, deed: Deed) -> Answer:
        version = payload["list_version" if self._is_16 else "version_number"]
        is_full = payload["update_type"] == "Full"
        if not is_full and version <= self.local_list_version:
            return {"status": "VersionMismatch"}
        entries = payload.get("local_authorization_list") or []

        def take() -> None:
            if is_full:
                self.local_list.clear()
            for entry in entries:
                token = entry["id_tag"] if self._is_16 else entry["id_token"]["id_token"]
                about = entry.get("id_tag_info" if self._is_16 else "id_token_info")
                if about is None:
                    self.local_list.pop(token, None)
                else:
                    self.local_list[token] = about
            self.local_list_version = version

        deed.at_once(f"took local list {version}", take)
        return _ACCEPTED

    def _customer_information(self, payload: Payload, deed: Deed) -> Answer:
        station = self._station

        async def send() -> None:
            await station.tell(
                "NotifyCustomerInformation",
                {
                    "requestId": payload["request_id"],
                    "generatedAt": moment_text(station.own_time()),
                    "seqNo": 0,
                    "data": "nothing is known of this customer",
                },
            )

        deed.later("told what it knows of a customer", send)
        return _ACCEPTED

    # ------------------------------------------------------------------- charging profiles

    def _set_profile(self, payload: Payload, deed: Deed) -> Answer:
        profile = payload["cs_charging_profiles" if self._is_16 else "charging_profile"]
        number = profile["charging_profile_id" if self._is_16 else "id"]
        evse_id = payload["connector_id" if self._is_16 else "evse_id"]
        if evse_id and evse_id not in self._station.evses:
            return {"status": "Rejected"}

        def keep() -> None:
            self.profiles[number] = (evse_id, dict(profile))

        deed.at_once(f"took charging profile {number}", keep)
        return _ACCEPTED

    def _clear_profile(self, payload: Payload, deed: Deed) -> Answer:
        wanted = payload.get("id") if self._is_16 else payload.get("charging_profile_id")
        chosen = [number for number in self.profiles if wanted in {None, number}]
        if not chosen:
            return {"status": "Unknown"}

        def clear() -> None:
            for number in chosen:
                del self.profiles[number]

        deed.at_once(f"cleared charging profiles {chosen}", clear)
        return _ACCEPTED

    def _get_profiles(self, payload: Payload, deed: Deed) -> Answer:
        wanted = (payload["charging_profile"]).get("charging_profile_id")
        found = [
            (evse_id, profile)
            for number, (evse_id, profile) in self.profiles.items()
            if (wanted is None or number in wanted) and payload.get("evse_id") in {None, evse_id}
        ]
        if not found:
            return {"status": "NoProfiles"}

        async def send() -> None:
            for place, (evse_id, profile) in enumerate(found, start=1):
                await self._station.tell(
                    "ReportChargingProfiles",
                    {
                        "requestId": payload["request_id"],
                        "chargingLimitSource": "CSO",
                        "chargingProfile": [snake_to_camel_case(profile)],
                        "evseId": evse_id,
                        "tbc": place < len(found),
                    },
                )

        deed.later("reported its charging profiles", send)
        return _ACCEPTED

    def _composite(self, payload: Payload, deed: Deed) -> Answer:
        evse_id = payload["connector_id" if self._is_16 else "evse_id"]
        evses = self._station.evses
        if evse_id and evse_id not in evses:
            return {"status": "Rejected"}
        chosen = [evse for key, evse in evses.items() if evse_id in {0, key}]
        limit = float(sum(evse.spec.max_power_w for evse in chosen))
        begins = moment_text(self._station.own_time())
        period = {"start_period": 0, "limit": limit}
        if self._is_16:
            return {
                "status": "Accepted",
                "connector_id": evse_id,
                "schedule_start": begins,
                "charging_schedule": {
                    "duration": payload["duration"],
                    "charging_rate_unit": "W",
                    "charging_schedule_period": [period],
                },
            }
        return {
            "status": "Accepted",
            "schedule": {
                "evse_id": evse_id,
                "duration": payload["duration"],
                "schedule_start": begins,
                "charging_rate_unit": "W",
                "charging_schedule_period": [period],
            },
        }

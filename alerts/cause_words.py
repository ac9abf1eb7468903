"""What causes of alerts are called in mails and SMS, in both languages; as on the portal's pages.

Source: OCPP 1.6 edition 2, 7.6 (ChargePointErrorCode); OCPP 2.0.1 part 2, appendix 1 (security
events); and the watches of this room.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "silence": "",
        "no_message": "no message",
        "ConnectorLockFailure": "Connector lock failure",
        "EVCommunicationError": "No communication with the vehicle",
        "GroundFailure": "Ground failure",
        "HighTemperature": "Too hot inside",
        "InternalError": "Internal error",
        "OverCurrentFailure": "Too much current",
        "OverVoltage": "Voltage too high",
        "UnderVoltage": "Voltage too low",
        "PowerMeterFailure": "The meter fails",
        "PowerSwitchFailure": "The power switch fails",
        "ReaderFailure": "The card reader fails",
        "ResetFailure": "The restart failed",
        "WeakSignal": "Weak mobile signal",
        "storm": "many at once",
        "starts_without_energy": "starts give no energy",
        "no_session": "nobody charges any more",
        "session_without_energy": "a session takes no energy",
        "session_never_ends": "a session does not end",
        "emergency_stop": "emergency stop",
        "OtherError": "without a name",
        "AttemptedReplayAttacks": "somebody repeats recorded messages",
        "FailedToAuthenticateAtCsms": "the station could not sign in here",
        "CsmsFailedToAuthenticate": "the station did not trust us",
        "InvalidChargingStationCertificate": "the station's certificate is not valid",
        "InvalidCsmsCertificate": "our certificate is not valid to the station",
        "InvalidFirmwareSignature": "firmware with a wrong signature",
        "InvalidFirmwareSigningCertificate": "firmware signed with a wrong certificate",
        "InvalidMessages": "messages that are none",
        "station_certificate_ends": "a station's certificate ends soon, or has ended",
        "CertificateRequestRefused": "a request for a certificate was refused",
        "RevokedCertificateShown": "a revoked certificate was shown",
        "ConnectionBelowSecurityProfile": "a connection was less secure than it must be",
        "ForeignCertificateShown": "another's certificate was shown for the station",
        "MaintenanceLoginAccepted": "somebody signed in at the station",
        "MaintenanceLoginFailed": "somebody failed to sign in at the station",
        "MemoryExhaustion": "the station's memory is full",
        "ReconfigurationOfSecurityParameters": "security settings were changed",
        "SecurityLogWasCleared": "the security log was cleared",
        "TamperDetectionActivated": "the station was opened",
        "clock_wrong": "the station's clock is wrong",
        "certificate_ends": "a certificate of ours ends soon, or has ended",
        "events_wait": "events wait for too long",
        "events_parked": "events wait for a person",
        "jobs_wait": "jobs wait for too long",
    }
)
GERMAN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "silence": "",
        "no_message": "keine Meldung",
        "ConnectorLockFailure": "Verriegelung gestört",
        "EVCommunicationError": "Keine Verbindung zum Fahrzeug",
        "GroundFailure": "Erdschluss",
        "HighTemperature": "Innen zu heiß",
        "InternalError": "Interner Fehler",
        "OverCurrentFailure": "Zu viel Strom",
        "OverVoltage": "Spannung zu hoch",
        "UnderVoltage": "Spannung zu niedrig",
        "PowerMeterFailure": "Der Zähler ist gestört",
        "PowerSwitchFailure": "Der Leistungsschalter ist gestört",
        "ReaderFailure": "Der Kartenleser ist gestört",
        "ResetFailure": "Der Neustart ist misslungen",
        "WeakSignal": "Schwaches Mobilfunksignal",
        "storm": "viele auf einmal",
        "starts_without_energy": "Starts geben keine Energie ab",
        "no_session": "niemand lädt mehr",
        "session_without_energy": "ein Ladevorgang nimmt keine Energie",
        "session_never_ends": "ein Ladevorgang endet nicht",
        "emergency_stop": "Not-Halt",
        "OtherError": "ohne Namen",
        "AttemptedReplayAttacks": "jemand wiederholt aufgezeichnete Nachrichten",
        "FailedToAuthenticateAtCsms": "die Station konnte sich hier nicht anmelden",
        "CsmsFailedToAuthenticate": "die Station hat uns nicht vertraut",
        "InvalidChargingStationCertificate": "das Zertifikat der Station ist ungültig",
        "InvalidCsmsCertificate": "unser Zertifikat gilt der Station als ungültig",
        "InvalidFirmwareSignature": "Firmware mit falscher Signatur",
        "InvalidFirmwareSigningCertificate": "Firmware mit falschem Zertifikat signiert",
        "InvalidMessages": "ungültige Nachrichten",
        "station_certificate_ends": "ein Stationszertifikat läuft bald ab oder ist abgelaufen",
        "CertificateRequestRefused": "ein Antrag auf ein Zertifikat wurde abgelehnt",
        "RevokedCertificateShown": "ein widerrufenes Zertifikat wurde gezeigt",
        "ConnectionBelowSecurityProfile": "eine Verbindung war weniger sicher, als sie sein muss",
        "ForeignCertificateShown": "für die Station wurde ein fremdes Zertifikat gezeigt",
        "MaintenanceLoginAccepted": "jemand hat sich an der Station angemeldet",
        "MaintenanceLoginFailed": "Anmeldung an der Station gescheitert",
        "MemoryExhaustion": "der Speicher der Station ist voll",
        "ReconfigurationOfSecurityParameters": "Sicherheitseinstellungen wurden geändert",
        "SecurityLogWasCleared": "das Sicherheitsprotokoll wurde gelöscht",
        "TamperDetectionActivated": "die Station wurde geöffnet",
        "clock_wrong": "die Uhr der Ladestation geht falsch",
        "certificate_ends": "eines unserer Zertifikate läuft bald ab oder ist abgelaufen",
        "events_wait": "Ereignisse warten zu lange",
        "events_parked": "Ereignisse warten auf einen Menschen",
        "jobs_wait": "Aufträge warten zu lange",
    }
)
NUMBERED: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {"job": "job {number}", "rule": "rule {number}"},
        "de": {"job": "Job {number}", "rule": "Regel {number}"},
    }
)
"""What begins the causes of jobs and rules, whose number follows a slash."""

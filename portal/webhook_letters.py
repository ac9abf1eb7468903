"""What is written to the owner of a webhook, in his language."""


def switched_off(name: str, language: str, why: str) -> tuple[str, str]:
    """Return subject and text of the mail that tells of a webhook being switched off."""
    # A host name says enough; the rest of the URL may hold what only the receiver should know.
    if language == "de":
        return (
            f"Webhook „{name}“ abgeschaltet",
            f"""\
Der Webhook „{name}“ nimmt seit längerem keine Ereignisse an und wurde abgeschaltet.

Zuletzt: {why}

Wenn der Empfänger wieder da ist, schalten Sie ihn unter Einstellungen, Webhooks ein. Was bis dahin
geschah, lässt sich dort nachsenden.
""",
        )
    return (
        f'Webhook "{name}" switched off',
        f"""\
The webhook "{name}" has taken no events for long and was switched off.

Last: {why}

Once its receiver is back, switch it on in Settings, Webhooks. What happened until then can be sent
again there.
""",
    )

"""What rooms below refuse, in the reader's language; the sentences stand here to be translated."""

from foundation.errors import ExpectedError, InvalidInput
from portal.guard import MoreThanOwnRights
from portal.rendering import FormErrors
from portal.words import Words, marked

_SENTENCES = (
    marked("Somebody has this user name or mail address already."),
    marked("This is the last active administrator of the installation."),
    marked("Nobody can deactivate himself. Ask another administrator."),
    marked("The user has no mail address."),
    marked("The user is deactivated."),
    marked("This link was used or is over. Ask for a new one."),
    marked("The code is wrong or over. Type the one that is shown now."),
    marked("The code is wrong or was used."),
    marked("That took too long. Sign in again."),
    marked("There is a second factor already."),
    marked("The password must have at least 8 characters."),
    marked("The password must have 1 to 200 characters."),
    marked("The user name or the password is wrong."),
    marked("email is no mail address."),
    marked("name must not be empty."),
    marked(
        "key must be 1 to 40 lower-case letters, digits or hyphens,"
        " and begin and end with a letter or digit."
    ),
    marked("The end must lie in the future."),
    marked("The end must lie behind the beginning, and in the future."),
    marked("The station is its owner's already."),
    marked("Give either role or rights."),
    marked("The country is two letters, as in DE."),
    marked("The operator is three letters or digits, as in ABC."),
    marked("The number is 1 to 30 letters, digits or stars, as in 1001."),
    marked("Say who is to be sent."),
    marked("Give a phone number or a mail address."),
    marked("This is no phone number."),
    marked("Say what it is."),
    marked("This is too long. Shorten it."),
    marked("The file is empty."),
    marked("Choose a file."),
    marked("This kind exists already."),
    marked("There is no such kind."),
    marked("It must be longer than the station's heartbeat interval."),
    marked("Offline must come after pending."),
    marked("A week is the longest silence."),
    marked("Enter both limits in whole minutes, or neither."),
    marked("Choose at least one check: a job without one finds nothing."),
    marked("Choose at least one group: only charge points of a group are compared."),
    marked("A tolerance is 1 to 99 per cent."),
    marked("Enter a whole number."),
    marked("A job looks at the last 1 to 168 hours."),
    marked("A name has 1 to 100 characters."),
    marked("A group has 1 to 1000 charge points."),
)
"""Whole sentences of errors: what is not among them is shown in English."""


def in_words(error: ExpectedError, said: Words) -> str:
    """Return what an error says, translated where its sentence is a fixed one."""
    if isinstance(error, MoreThanOwnRights):
        return said.gettext(
            "You can only give rights and a reach that you have yourself: %(missing)s"
        ) % {"missing": ", ".join(each.value for each in error.missing) or said.gettext("reach")}
    return said.gettext(str(error))


def form_errors(error: ExpectedError, said: Words, *, otherwise: str) -> FormErrors:
    """Return the error beside the field it concerns, or else beside the one named `otherwise`."""
    field = error.field if isinstance(error, InvalidInput) and error.field else otherwise
    return FormErrors({field: in_words(error, said)})

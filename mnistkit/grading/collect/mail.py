"""Mails that were saved as files (`.eml`): who sent them, when they came, and what is attached."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parseaddr, parsedate_to_datetime

from mnistkit.grading.collect.archive import MAX_FILE, ArchiveEntry, Refused

__all__ = ["MAIL", "Sender", "attachments", "read_sender"]

MAIL = ".eml"
"""Ends the name of a saved mail."""

_LONGEST_HEAD = 262_144  # bytes of headers
_MOST_PARTS = 500


@dataclass(frozen=True)
class Sender:
    """Who a mail is from.

    Attributes
    ----------
    address, name : str
        As the mail says; empty where it does not.
    received : datetime or None
        When the reader's own server got it, else when it says that it was sent.
    """

    address: str
    name: str
    received: datetime | None


def read_sender(entry: ArchiveEntry) -> Sender:
    """Read the head of a mail.

    Parameters
    ----------
    entry : ArchiveEntry
        The mail.

    Returns
    -------
    Sender
        Who sent it, and when.

    Raises
    ------
    Refused
        If it can't be read.
    """
    with entry.opened() as stream:
        head = stream.read(_LONGEST_HEAD).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    try:
        message = message_from_bytes(head + b"\n\n", policy=policy.default)
        name, address = parseaddr(str(message.get("From", "")))
        # The newest of these lines is the first, and the reader's own server has written it; a mail that was
        # saved where it was sent has none.
        stamps = [str(line).rpartition(";")[2] for line in message.get_all("Received", [])[:1]]
        times = (_time(text) for text in (*stamps, str(message.get("Date", ""))))
        return Sender(address, name, next((time for time in times if time), None))
    except Exception as error:  # the parser raises what it likes on a broken head
        raise Refused(f"it is no mail that can be read ({type(error).__name__})") from error


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # "-0000": UTC, of a place that is not said


def attachments(entry: ArchiveEntry) -> list[ArchiveEntry]:
    """List what is attached to a mail.

    Parameters
    ----------
    entry : ArchiveEntry
        The mail.

    Returns
    -------
    list of ArchiveEntry
        In their order, without what has no name.

    Raises
    ------
    Refused
        If it can't be read, is too large, or has too many parts.
    """
    with entry.opened() as stream:
        data = stream.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise Refused(f"it has more than {MAX_FILE / 1e6:,.0f} MB, which is the most that is read")
    try:
        message = message_from_bytes(data, _class=EmailMessage, policy=policy.default)
        found = [(part.get_filename(), part) for part in message.walk() if not part.is_multipart()]
        attached = [_attached(entry, name, part) for name, part in found[:_MOST_PARTS] if name]
    except Exception as error:  # as above
        raise Refused(f"it is no mail that can be read ({type(error).__name__})") from error
    if len(found) > _MOST_PARTS:
        raise Refused(f"{len(found)} parts; at most {_MOST_PARTS} are read")
    return attached


def _attached(entry: ArchiveEntry, name: str, part: Message) -> ArchiveEntry:
    file = name.replace("\\", "/").rpartition("/")[2] or "attachment"
    content = part.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    return ArchiveEntry((*entry.path, file), lambda: io.BytesIO(data))

"""Mails with feedback or hand-outs, as drafts or in one mailbox: nothing is sent."""

from __future__ import annotations

import mailbox
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

from mnistkit.grading.plain_text import plain

__all__ = ["Letter", "draft", "write_mailbox"]


@dataclass(frozen=True)
class Letter:
    """What a mail says.

    Attributes
    ----------
    name, address : str
        To whom.
    subject, text : str
        What about.
    files : tuple of pathlib.Path
        What is attached.
    """

    name: str
    address: str
    subject: str
    text: str
    files: tuple[Path, ...]


def draft(letter: Letter) -> EmailMessage:
    """Make a mail that mail programs open as a draft.

    Parameters
    ----------
    letter : Letter
        What it says.

    Returns
    -------
    email.message.EmailMessage
        Without a sender: that is whoever sends it.

    Raises
    ------
    ValueError
        If the address is none.
    """
    if not letter.address:
        raise ValueError("no mail address is known")
    if "@" not in letter.address:
        raise ValueError(f"{letter.address!r} is no mail address")
    message = EmailMessage()
    message["To"] = Address(plain(letter.name, 100), addr_spec=letter.address.strip())
    message["Subject"] = plain(letter.subject, 200)
    message["X-Unsent"] = "1"
    message.set_content(letter.text)
    for file in letter.files:
        kind = (mimetypes.guess_type(file.name)[0] or "application/octet-stream").split("/")
        message.add_attachment(file.read_bytes(), maintype=kind[0], subtype=kind[1], filename=file.name)
    return message


def write_mailbox(path: Path, messages: Mapping[str, EmailMessage]) -> None:
    """Write mails into one mailbox file (mbox), which mail programs import.

    Parameters
    ----------
    path : pathlib.Path
        The file, which must not be there.
    messages : mapping of str to EmailMessage
        The mails.
    """
    box = mailbox.mbox(path)
    try:
        for message in messages.values():
            box.add(message)
        box.flush()
    finally:
        box.close()

"""`semblance serve --share`: the address of this machine on its network, and that address as a picture for a phone.

The code is drawn with its own colours, dark on light with a light border, since few readers take one that is light on
dark: so it looks the same on every terminal. Half blocks make two rows of it a line, and its squares square.
"""

import socket

import segno
from rich.text import Text

from semblance.retrieval.errors import UsageError
from semblance.scripts import printing

_ELSEWHERE = ("192.0.2.1", 9)  # an address for documentation (RFC 5737), to which nothing is ever sent
_BORDER = 2  # squares
_BLOCKS = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}  # the upper and the lower row
_INK = "#000000 on #ffffff"


def address() -> str:
    """This machine's address on its network: where it would send from. UsageError where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError as error:
            raise UsageError(
                f"This machine is on no network ({error.strerror}), so nobody could be let in by --share: join one, or "
                "give its own address with --host."
            ) from error
        own: str = probe.getsockname()[0]
    return own


def lines(text: str) -> list[str]:
    """A QR code, two rows of it in a line."""
    rows = [list(map(int, row)) for row in segno.make(text, error="l").matrix_iter(border=_BORDER)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    return ["".join(_BLOCKS[pair] for pair in zip(*rows[at : at + 2], strict=True)) for at in range(0, len(rows), 2)]


def announce(library: str, url: str) -> None:
    """Say where the service is; on a terminal by a code that a phone's camera reads, too."""
    printing.say(f"Semblance shares {library} at {url} until Ctrl-C: who has this address may look")
    if printing.err.is_terminal:
        for line in lines(url):
            printing.err.print(Text(line, style=_INK), soft_wrap=True)

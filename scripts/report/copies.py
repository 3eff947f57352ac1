"""The sheet of `semblance duplicates --sheet`: every group, complete in one file, the best of each first."""

from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from html import escape
from pathlib import Path
from string import Template

from semblance.indexer.duplicates import Copy, Duplicates, Group
from semblance.indexer.duplicates.records import Stage
from semblance.retrieval import decoding, storage
from semblance.retrieval.errors import PictureError, UsageError
from semblance.retrieval.files import replace
from semblance.retrieval.pool import in_order

_SIDE = 240  # pixels of a thumbnail's longer side: sharp at the size that it is shown at
_CROWD = 12  # pictures of a crowd that are shown

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
  :root { color-scheme: light dark; --page: #fff; --ink: #1f2328; --soft: #59636e; --line: #d8dee4; --well: #f3f5f7;
    --best: #1a7f37; }
  @media (prefers-color-scheme: dark) { :root { --page: #14171b; --ink: #e6e9ed; --soft: #9aa4af; --line: #31373e;
    --well: #1e2328; --best: #4ac26b; } }
  * { box-sizing: border-box; }
  body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0 auto;
    max-width: 76rem; padding: 1rem; }
  h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
  h2 { font-size: 1rem; font-weight: 600; margin: 0 0 .6rem; }
  h2 span, .note { color: var(--soft); font-weight: 400; }
  section { border-top: 1px solid var(--line); padding: 1rem 0 1.2rem; }
  ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.4rem, 1fr)); gap: .9rem .8rem; list-style: none;
    margin: 0; padding: 0; }
  figure { margin: 0; }
  .picture { aspect-ratio: 1; background: var(--well); border-radius: 6px; display: grid; place-items: center;
    overflow: hidden; padding: 4px; }
  .best .picture { outline: 3px solid var(--best); outline-offset: -1px; }
  img { max-width: 100%; max-height: 100%; min-height: 0; display: block; }
  figcaption { font-size: .82rem; line-height: 1.4; margin-top: .35rem; font-variant-numeric: tabular-nums; }
  figcaption b { display: block; font-weight: 600; }
  .best figcaption b { color: var(--best); }
  .path { color: var(--soft); overflow-wrap: anywhere; display: block; }
</style>
<h1>$title</h1>
<p class="note">$lead</p>
$sections
</html>
""")


def write_sheet(found: Duplicates, path: Path, stage: Stage) -> None:
    """Write one HTML file with everything in it. Raises UsageError where it cannot be written."""
    shown = [copy.path for group in found.groups for copy in group.copies]
    shown += [each for crowd in found.crowds for each in crowd.paths[:_CROWD]]
    with stage("Drawing the sheet") as progress:
        small = dict[str, str]()
        for done, (each, data) in enumerate(zip(shown, in_order(_thumbnail, shown), strict=True), 1):
            small[each] = data
            progress(done, len(shown))
    groups = [_group(number, group, small) for number, group in enumerate(found.groups, 1)]
    crowds = [_crowd(crowd.paths, small) for crowd in found.crowds]
    title, lead = _said(found)
    page = _PAGE.substitute(title=escape(title), lead=escape(lead), sections="\n".join(groups + crowds))
    try:
        replace(path, [page.encode(errors="surrogateescape")])
    except OSError as error:
        raise UsageError(f"The sheet {path} cannot be written ({error.strerror}): name another file.") from error


def size(count: int) -> str:
    """Bytes as people read them."""
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "bytes" else f"{value:.1f} {units[0]}"


def _said(found: Duplicates) -> tuple[str, str]:
    if not found.groups:
        return f"No duplicates among {found.pictures:,} pictures", "There is nothing here to sort out."
    copies = sum(len(group.rest) for group in found.groups)
    title = (
        f"{copies:,} of {found.pictures:,} pictures {'is a copy of another' if copies == 1 else 'are copies of others'}"
    )
    return title, (
        f"In {len(found.groups):,} groups, the best first, in green; all others take {size(found.bytes)}. Near copies "
        f"are at most {found.within} bits from the best. Nothing was deleted."
    )


def _thumbnail(path: str) -> str:
    with suppress(PictureError, OSError):
        return f"data:image/jpeg;base64,{b64encode(decoding.thumbnail(storage.place(path), _SIDE)[0]).decode()}"
    return ""


def _group(number: int, group: Group, small: dict[str, str]) -> str:
    head = f"{number}. {len(group.copies):,} copies <span>· {size(group.bytes)} beside the best</span>"
    return f"<section><h2>{head}</h2>{_list(_cell(copy, small) for copy in group.copies)}</section>"


def _cell(copy: Copy, small: dict[str, str]) -> str:
    why = copy.why if copy.why in ("best", "exact") else f"{copy.why}, {copy.distance} bits"
    pixels = f"{copy.width} × {copy.height} {copy.format}" if copy.width else "not readable"
    said = f"<b>{why}</b>{pixels}<br>{size(copy.bytes)} · {(copy.date or 'no date')[:10]}<br>id {copy.id}"
    return _figure(copy.path, said, small, "best" if copy.why == "best" else "copy")


def _crowd(paths: list[str], small: dict[str, str]) -> str:
    head = f"A crowd of {len(paths):,} <span>· with hardly anything in them to be told apart by: no copies</span>"
    return f"<section><h2>{head}</h2>{_list(_figure(path, '', small, 'copy') for path in paths[:_CROWD])}</section>"


def _list(cells: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{cell}</li>' for cell in cells)}</ul>"


def _figure(path: str, said: str, small: dict[str, str], kind: str) -> str:
    name = escape(path.encode(errors="backslashreplace").decode())
    shown = f'<img src="{small[path]}" alt="{escape(Path(name).name)}" loading="lazy">' if small[path] else "gone"
    return (
        f'<figure class="{kind}"><div class="picture">{shown}</div>'
        f'<figcaption>{said}<span class="path">{name}</span></figcaption></figure>'
    )

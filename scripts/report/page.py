"""The page of a report: every figure with what to look for in it, in words for someone who never read the code."""

import base64
from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Template

from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.files import replace
from semblance.retrieval.judging.contest import Contest, Row, Variant
from semblance.retrieval.progress import Progress
from semblance.scripts.report import curves, latent, maps, sheets

_COLUMNS = {
    "name": "method",
    "bits": "bits",
    "P@1": "P@1",
    "P@10": "P@10",
    "P@10_interval": "its 95 %",
    "P@100": "P@100",
    "P@1000": "P@1000",
    "mAP@1000": "mAP@1000",
    "mAP": "mAP",
    "mse": "error",
    "search_ms": "search, ms",
    "encode_ms": "encode, ms",
    "bytes_per_picture": "bytes",
}

_PRECISIONS = ("P@1", "P@10", "P@100", "P@1000", "mAP@1000", "mAP")

_LEAD = """Pictures are relevant when they bear the query's class; no model was told one. Ways of searching that share
a colour below share a model."""
_TABLE = """Every method on the same queries. P@10: the share of the first ten that is of the query's class, and the
range it has by chance of which queries were asked; mAP: the same idea over the whole ranking. Bold: the best of a
column."""
_PRECISION = """Ask with a picture and count, among the first so many that come back, those of its class. A line is a
method; higher is better. At the right end everything has been retrieved and every method is at chance. Codes are far
smaller than pixels: where their line lies above the pixels', they have kept what makes a picture what it is and thrown
away what does not."""
_NEIGHBOURS = """The same queries, answered by every method. Pixels find pictures with light and dark in the same
places; good codes find the same kind of thing in another pose and on another ground."""
_REBUILT = """All that a decoder is given is the latents: the bits of the code, or, of a model that rounds only after
training (real, sparse or variational), a real number for each, which says far more. What a decoder cannot draw is not
in them. A sharp picture is no proof of a good code, though: what helps to rebuild a picture and what helps to find its
like are different things."""
_DISTANCES = """Every pair of some thousand pictures, by its distance: pairs of one class outlined, all others grey.
The further the outline lies to the left of the grey, the better a short distance can be trusted. The title gives the
chance that a pair of one class is nearer than a pair of two."""
_BITS = """A bit that is on for half of the pictures splits them best: on the left, bars near one half are good. On
the right, two bits that go together say one thing twice: dark is good."""
_MAP = """Each picture lies beside those that the method takes for alike (t-SNE). The frames' colours are the classes,
which the maps know nothing of: islands of one colour are what search lives on."""
_WALK = """Between two pictures, step by step through the latents. Where every step is a picture that could be, the
space between the pictures has been learned too; where steps are blends or mush, only the pictures have."""
_SAMPLES = """Latents drawn by chance and decoded. Drawn from what was fitted to a plain autoencoder's latents, they
show how much of the space it fills; a variational one has been asked to make its prior a good place to draw from. The
distance is Fréchet's between features of these and of real pictures: lower is nearer to real."""

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Semblance: $title</title>
<style>
  :root { color-scheme: light; }
  body { font: 16px/1.55 system-ui, sans-serif; color: #1f2328; margin: 0 auto; max-width: 70rem; padding: 1rem; }
  h1 { font-size: 1.6rem; margin: 0 0 .4rem; }
  h2 { font-size: 1.2rem; margin: 2.6rem 0 .3rem; }
  p { max-width: 46rem; }
  figure { margin: 1rem 0 0; }
  img { max-width: 100%; height: auto; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
  th, td { padding: .3rem .35rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #d8dee4; }
  th:first-child, td:first-child { text-align: left; }
  td.best { font-weight: 650; }
  nav a { margin-right: .9rem; white-space: nowrap; }
  .note { color: #59636e; font-size: .9rem; }
</style>
<h1>$title</h1>
<p>$lead</p>
<nav>$contents</nav>
$sections
</html>
""")


def write_report(
    contest: Contest, rows: list[Row], codecs: list[Codec], folder: Path, progress: Progress
) -> list[Path]:
    """Write folder/report.html, complete in itself, and its figures as PNG beside it; where they are."""
    parts = _parts(contest, rows, codecs, folder)
    sections = [section("The table", _TABLE, _table(rows))]
    written: list[Path] = []
    for done, (title, words, draw) in enumerate(parts):
        progress(done, len(parts))
        try:
            path = draw()
            content = figure(path, title) if path else _note("None of these models has a decoder.")
            written += [path] if path else []
        except DatasetError as error:  # a dataset too small for one figure still has the others
            content = _note(str(error))
        sections.append(section(title, words, content))
    titles = ["The table", *(title for title, _, _ in parts)]
    gallery, asked, classes = len(contest.gallery), len(contest.queries), len(contest.gallery.classes)
    lead = f"{gallery:,} pictures in the gallery, {asked:,} queries, {classes} classes. {_LEAD}"
    return [write_page("What the codes know", lead, titles, sections, folder), *written]


def write_page(title: str, lead: str, titles: list[str], sections: list[str], folder: Path) -> Path:
    """Write folder/report.html of sections with these titles; where it is."""
    contents = " ".join(f'<a href="#{_anchor(each)}">{each}</a>' for each in titles)
    page = _PAGE.substitute(title=title, lead=escape(lead), contents=contents, sections="\n".join(sections))
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "report.html", [page.encode()])
    return folder / "report.html"


def _parts(
    contest: Contest, rows: list[Row], codecs: list[Codec], folder: Path
) -> list[tuple[str, str, Callable[[], Path | None]]]:
    """Each figure's title, its words, and what draws it: None where no model can."""
    judge = Codec(DEFAULT_MODEL, threads=2)
    return [
        ("Precision", _PRECISION, lambda: curves.write_precision(contest, rows, folder)),
        ("Neighbours", _NEIGHBOURS, lambda: sheets.write_neighbours(contest, rows, folder)),
        ("Rebuilt from the code", _REBUILT, lambda: sheets.write_rebuilt(contest, rows, folder)),
        ("Distances", _DISTANCES, lambda: curves.write_distances(contest, rows, codecs, folder)),
        ("The bits", _BITS, lambda: curves.write_bits(contest, rows, codecs, folder)),
        ("A map of the gallery", _MAP, lambda: maps.write_map(contest, codecs, folder)),
        ("A walk between pictures", _WALK, lambda: latent.write_walk(contest, codecs, folder)),
        ("Pictures nobody took", _SAMPLES, lambda: latent.write_samples(contest, codecs, judge, folder)),
    ]


def _note(words: str) -> str:
    return f'<p class="note">{escape(words)}</p>'


def section(title: str, words: str, content: str) -> str:
    """A part of the page: what to look for, and what there is to see."""
    return f'<h2 id="{_anchor(title)}">{escape(title)}</h2>\n<p>{escape(words)}</p>\n{content}'


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def figure(path: Path, title: str) -> str:
    """A picture within the page itself."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img alt="{escape(title)}" src="data:image/png;base64,{data}"></figure>'


def _table(rows: list[Row]) -> str:
    lines = [row.as_dict() for row in rows]
    best = {}
    for column in _PRECISIONS:
        best[column] = max((value for line in lines if isinstance(value := line[column], float)), default=None)
    head = "".join(f"<th>{escape(label)}</th>" for label in _COLUMNS.values())
    body = []
    for row, line in zip(rows, lines, strict=True):
        cells = []
        for column in _COLUMNS:
            value = line[column]
            mark = ' class="best"' if value is not None and value == best.get(column) else ""
            cells.append(f"<td{mark}>{escape(_said(column, value))}</td>")
        indent = ' style="padding-left:1.4rem"' if row.variant != Variant() else ""
        cells[0] = f"<td{indent}>{escape(row.name)}</td>"
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def _said(column: str, value: str | float | list[float] | None) -> str:
    if isinstance(value, list):
        return " to ".join(f"{end:.4f}" for end in value)
    if isinstance(value, float) and column in (*_PRECISIONS, "mse"):
        return f"{value:.4f}"
    return "–" if value is None else str(value)

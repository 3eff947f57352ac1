"""The page's states, each by its address and, where an address alone does not lead there, by what a person does next.
What a server rarely says (no library, a refused key) is played by routes that Playwright answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import FilePayload, Page, Route

Played = Mapping[str, tuple[int, object]]

BROKEN: FilePayload = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
READY = {"status": "ready", "pictures": 48, "codec_id": "0" * 64, "bits": 32, "engines": ["code"]}
JOB = {"id": 1, "kind": "index", "folder": "/photos", "state": "running", "done": 3, "total": 9, "summary": None}
SUMMARY = {"added": 12, "updated": 1, "moved": 2, "unchanged": 90, "failed": 2}
MEMBER = {"bytes": 81_000, "width": 640, "height": 480, "format": "JPEG", "date": "2026-01-02T03:04:05+00:00"}
_BUSY = "[aria-busy=true], .progress.busy, .skeleton"
_IDLE = f"![...document.querySelectorAll('{_BUSY}')].some((each) => each.checkVisibility())"


SHORT = {  # the states that are walked in the suite
    *("start", "keys", "answer, beside pixels", "answer, narrowing", "broken upload", "locked"),
    *("full view", "full view, beside", "full view, box", "map", "duplicates, removing", "library, jobs"),
}


@dataclass(frozen=True)
class State:
    """`shows`: a selector that is visible once the state is there; `played`: answers by the end of their address;
    `then`: what is done there."""

    name: str
    address: str
    shows: str
    played: Played = field(default_factory=dict)
    then: Callable[[Page], None] | None = None


def go(page: Page, state: State) -> None:
    """Open a state, and wait until it is there."""
    for end, (status, answer) in state.played.items():
        page.route(f"**/{end}", _answering(status, answer))
    page.goto(state.address)
    page.locator(state.shows).first.wait_for()
    if state.then:
        state.then(page)
    page.wait_for_function(_IDLE)


def _answering(status: int, answer: object) -> Callable[[Route], None]:
    kind = "application/json" if status < 400 else "application/problem+json"
    return lambda route: route.fulfill(status=status, content_type=kind, body=json.dumps(answer))


def _press(*keys: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)

    return press


def _click(selector: str, then: str) -> Callable[[Page], None]:
    def click(page: Page) -> None:
        page.locator(selector).first.click()
        page.locator(then).first.wait_for()

    return click


def _upload(where: str, then: str) -> Callable[[Page], None]:
    def upload(page: Page) -> None:
        page.get_by_test_id(where).set_input_files([BROKEN])
        page.locator(then).first.wait_for()

    return upload


def _map_by_keys(page: Page) -> None:
    page.get_by_test_id("map").focus()
    _press("+", "+", "ArrowLeft")(page)
    page.locator(".map-name").wait_for()


def problem(status: int, detail: str) -> tuple[int, object]:
    return status, {"title": "Refused", "status": status, "detail": detail}


def _groups(ids: list[int], paths: list[str]) -> dict[str, object]:
    why = ["best", "exact", "near"]
    members = [
        {"id": i, "path": p, "distance": n * 2, "why": why[n % 3], **MEMBER}
        for n, (i, p) in enumerate(zip(ids, paths, strict=True))
    ]
    groups = [
        {"best": ids[0], "members": members, "bytes": 162_000},
        {"best": ids[1], "members": members[1:], "bytes": 81_000},
    ]
    return {"groups": groups, "next": None, "total": 2, "bytes": 243_000, "pictures": 48, "within": 8}


def _map(ids: list[int]) -> dict[str, object]:
    return {
        "generation": 1,
        "ids": ids,
        "x": [n * 5_000 % 65_536 for n in ids],
        "y": [n * 23_000 % 65_536 for n in ids],
    }


def states(ids: list[int], paths: list[str]) -> list[State]:
    """All, of a library that holds these pictures, six or more of them."""
    return [
        *_asking(ids, paths),
        *_answers_that_fail(ids),
        *_viewing(ids),
        *_mapping(ids),
        *_doubles(ids, paths),
        *_holding(),
    ]


def _asking(ids: list[int], paths: list[str]) -> list[State]:
    one, card = f"/?id={ids[0]}", "[data-testid=result]"
    folder = paths[0].rsplit("/", 1)[0]
    return [
        State("start", "/", "[data-testid=sample]"),
        State("keys", "/", "[data-testid=sample]", then=_press("?")),
        State("answer", one, card),
        State("answer, beside pixels", f"{one}&pixel=1", f"#results-pixel {card}"),
        State("answer of fifty", f"{one}&k=50", card),
        State("answer by copies", f"{one}&engine=copies", "#results"),
        State("answer, beyond chance", f"{one}&all=1", card),
        State("answer by several", f"{one}&like={ids[1]}&unlike={ids[2]}", card),
        State("answer, narrowing", one, card, then=_click("#narrow summary", "#fields > *")),
        State("answer, narrowed", f"{one}&folder={folder}&from=2001-01-01&min=1", "#results"),
        State("answer, nothing left", f"{one}&min=900000000", "#results"),
        State("answer by a part", f"{one}&region=0.1,0.1,0.5,0.5", card),
        State("answer, pictures marked", one, card, then=lambda page: page.locator(card).nth(1).focus()),
    ]


def _answers_that_fail(ids: list[int]) -> list[State]:
    return [
        State("no such picture", "/?id=999999999", "#error"),
        State("broken upload", "/", "[data-testid=sample]", then=_upload("file-input", "#error")),
        State("busy", f"/?id={ids[0]}", "#error", {"similar?*": problem(503, "The service is busy.")}),
        State("waiting", "/", "#waiting", {"ready": problem(503, "There is no library at `DIR` yet.")}),
        State("empty", "/", "#empty", {"ready": (200, {**READY, "pictures": 0})}),
        State("locked", "/", "#locked", {"ready": problem(401, "This service asks for a key.")}),
        State("wrong key", "/?key=wrong", "#locked", {"ready": problem(401, "This service asks for a key.")}),
        State("codes only", "/", "[data-testid=sample]", {"ready": (200, READY)}),
    ]


def _viewing(ids: list[int]) -> list[State]:
    one = f"/?id={ids[0]}&open={ids[1]}"
    return [
        State("full view", one, "#details[open]"),
        State("full view of what asks", f"/?id={ids[0]}&open={ids[0]}", "#details[open]"),
        State("full view, beside", f"{one}&mode=beside", "#details[open]"),
        State("full view, over", f"{one}&mode=over", "#details[open]"),
        State("full view, box", one, "#details[open]", then=_click("#details-box", "#details-boxing")),
        State("full view, close", one, "#pane-match img", then=_press("+", "+")),
        State("full view, help", one, "#pane-match img", then=_press("?")),
        State("full view, gone", one, "#pane-match .said", {"view?*": problem(410, "The file is gone.")}),
        State("full view, hung disk", one, "#pane-match .said", {"view?*": problem(503, "The disk does not answer.")}),
        State("full view beside pixels", f"{one}&pixel=1", "#details[open]"),
        State("full view over the map", f"/?view=map&open={ids[1]}", "#details[open]", {"map": (200, _map(ids))}),
    ]


def _mapping(ids: list[int]) -> list[State]:
    played, link = {"map": (200, _map(ids))}, "[data-testid=map-list] a"
    return [
        State("map", "/?view=map", link, played),
        State("map, near", "/?view=map&at=0.5,0.5,4", link, played),
        State("map by keys", "/?view=map", link, played, then=_map_by_keys),
        State(
            "no map",
            "/?view=map",
            ".notice.within",
            {"map": problem(404, "Make one with `semblance map`.")},
        ),
    ]


def _doubles(ids: list[int], paths: list[str]) -> list[State]:
    played = {"duplicates?*": (200, _groups(ids[:3], paths[:3]))}
    nothing = {**_groups(ids[:3], paths[:3]), "groups": [], "total": 0, "bytes": 0}
    member = "[data-testid=member]"
    asks = _click("[data-act=remove]", ".asks[open]")
    return [
        State("duplicates", "/?view=duplicates", member, played),
        State("duplicates, last", "/?view=duplicates&at=2", member, played),
        State("duplicates, removing", "/?view=duplicates", member, played, then=asks),
        State(
            "duplicates, kept apart",
            "/?view=duplicates",
            member,
            {**played, "duplicates/apart": (200, {})},
            then=_click("[data-act=apart]", ".told"),
        ),
        State(
            "duplicates, looking",
            "/?view=duplicates",
            ".work",
            {"duplicates?*": (202, {"state": "looking", "stage": "", "done": 3, "total": 9})},
        ),
        State("no duplicates", "/?view=duplicates", ".notice.within", {"duplicates?*": (200, nothing)}),
        State(
            "duplicates, failing", "/?view=duplicates", ".notice.within", {"duplicates?*": problem(503, "Ask again.")}
        ),
    ]


def _holding() -> list[State]:
    brings = "[data-testid=brings] section"
    ended = [
        {**JOB, "id": 2, "state": "done", "summary": SUMMARY},
        {**JOB, "id": 3, "state": "failed", "detail": "The disk is full."},
    ]
    lists = {"jobs": (200, {"jobs": [JOB, *ended, {**JOB, "id": 4, "state": "cancelled"}]})}
    refused = {"images": problem(403, "Your key may read and not write.")}
    return [
        State("library", "/?view=library", brings),
        State("library, jobs", "/?view=library", "[data-testid=job]", lists),
        State("library, nothing added", "/?view=library", brings, then=_upload("add-input", "[data-end=failed]")),
        State("library, read only", "/?view=library", brings, refused, then=_upload("add-input", ".told")),
    ]

"""A page of another site in a real Chromium, open in the same browser while the service runs: it learns nothing. Not
what a picture measures, not how many there are, not whether there is one; nor by a name of its own that it points at
this machine (DNS rebinding)."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest

pytest.importorskip("playwright.sync_api", reason="pages need Playwright")
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Server
from tests.sites import Site

pytestmark = pytest.mark.browser

# All that a page can see of an address: what each way of asking comes to, and what of it can be measured.
PROBE = """async (address) => {
  const loaded = (tag, property, more = {}) => new Promise((done) => {
    const element = Object.assign(document.createElement(tag), more);
    const size = () => element.naturalWidth ?? element.duration ?? null;
    const seen = (how) => () => done([tag, how, size()]);
    Object.assign(element, { onload: seen("load"), onerror: seen("error"), onloadedmetadata: seen("data") });
    element[property] = address;
    document.body.append(element);
    setTimeout(seen("nothing"), 3000);
  });
  const fetched = (options) => fetch(address, options).then(
    async (answer) => [answer.type, answer.status, (await answer.text()).length], (error) => [error.name]);
  const body = new FormData();
  body.append("file", new Blob(["x"]), "a.jpg");
  const framed = await loaded("iframe", "src");
  const frame = document.querySelector("iframe");
  let inside;
  try { inside = frame.contentDocument?.body?.innerText ?? "closed"; } catch (error) { inside = error.name; }
  const mode = "no-cors";
  const seen = {
    frame: [...framed, inside, frame.contentWindow.length],
    image: await loaded("img", "src"),
    script: await loaded("script", "src"),
    style: await loaded("link", "href", { rel: "stylesheet" }),
    preload: await loaded("link", "href", { rel: "preload", as: "image" }),
    video: await loaded("video", "src"),
    embed: await loaded("embed", "src"),
    object: await loaded("object", "data"),
    plain: await fetched({}),
    opaque: await fetched({ mode }),
    head: await fetched({ mode, method: "HEAD" }),
    post: await fetched({ method: "POST", body }),
    sent: await fetched({ mode, method: "POST", body }),
    cache: await fetched({ mode, cache: "force-cache" }),
  };
  seen.measured = performance.getEntriesByName(address).map(
    (entry) => [entry.initiatorType, entry.transferSize, entry.decodedBodySize, entry.responseStatus]);
  return seen;
}"""


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """A browser to which each name under evil.example is this machine."""
    with sync_playwright() as playwright:
        names = "--host-resolver-rules=MAP *.example 127.0.0.1"
        # What some versions do against pages that reach for a local address; it is the service that is tested.
        off = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", names, off])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def other_site() -> Iterator[int]:
    """The port of a site that is somebody else's."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Evil</title><body>")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with Site(("127.0.0.1", 0), Page) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site.server_address[1]
        site.shutdown()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def seen(page: Page, address: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(PROBE, address)
    return found


def test_the_probe_sees_what_there_is_to_see(page: Page, server: Server) -> None:
    """From the service's own page a picture and none differ: else the tests below would show nothing."""
    page.goto(server.url)
    page.evaluate("document.body.replaceChildren()")
    there, nowhere = seen(page, f"{server.url}/images/1"), seen(page, f"{server.url}/images/999999999")
    assert there["image"][:2] == ["img", "load"]
    assert there["image"][2] > 0
    assert nowhere["image"] == ["img", "error", 0]
    assert there["plain"][1:] != nowhere["plain"][1:]
    assert there["measured"] != nowhere["measured"]


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost", "127.0.0.1"], ids=["site", "port", "port of the address"]
)
def test_a_page_of_another_site_cannot_tell_a_picture_from_none(
    page: Page, server: Server, other_site: int, name: str
) -> None:
    """Another site; another port of this machine, by either name."""
    port = httpx.URL(server.url).port
    answers: set[int] = set()
    network = page.context.new_cdp_session(page)
    network.on("Network.responseReceivedExtraInfo", lambda answer: answers.add(answer["statusCode"]))
    network.send("Network.enable")
    for own in ("127.0.0.1", "localhost"):
        looks = []
        for path in ("/images/1", "/images/999999999", "/images/1/thumbnail", "/images?limit=5", "/ready", "/metrics"):
            page.goto(f"http://{name}:{other_site}/?{own}{path}")
            looks.append(seen(page, f"http://{own}:{port}{path}"))
        assert all(look == looks[1] for look in looks)
        assert looks[1]["image"] == ["img", "error", 0]
        asked = ("plain", "opaque", "head", "post", "sent", "cache")
        assert [looks[1][how] for how in asked] == [["TypeError"]] * len(asked)
    assert answers == {200, 403}, "200 is the other site's: whatever it asks for, the service does no work"


def test_a_window_that_a_page_opens_is_out_of_its_hands(page: Page, server: Server, other_site: int) -> None:
    page.goto(f"http://evil.example:{other_site}/")
    with page.context.expect_page() as opened:
        page.evaluate("(address) => { window.opened = open(address); }", server.url)
    opened.value.wait_for_load_state()
    assert opened.value.title() == "Semblance", "a link to the page works"
    assert page.evaluate("[window.opened.closed, window.opened.length]") == [True, 0]
    assert opened.value.evaluate("window.opener") is None


def test_a_form_that_a_page_posts_is_refused(page: Page, server: Server, other_site: int) -> None:
    page.goto(f"http://evil.example:{other_site}/")
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.evaluate(
            """(address) => {
              const form = document.createElement("form");
              Object.assign(form, { method: "post", action: address, enctype: "multipart/form-data" });
              document.body.append(form);
              form.submit();
            }""",
            f"{server.url}/search",
        )
    assert answer.value.status == 403


def test_a_name_pointed_at_this_machine_is_refused(page: Page, server: Server) -> None:
    """The page has come from the attacker's machine; from then on its name is this machine, and all is one origin."""
    port = httpx.URL(server.url).port
    page.route("**/attack", lambda route: route.fulfill(content_type="text/html", body="<title>Evil</title><body>"))
    page.goto(f"http://rebound.example:{port}/attack")
    for path in ("/images", "/images/1", "/", "/openapi.json"):
        status, text = page.evaluate("(path) => fetch(path).then(async (a) => [a.status, await a.text()])", path)
        assert status == 421
        assert "--allow-host rebound.example" in text
    assert seen(page, f"http://rebound.example:{port}/images/1")["image"] == ["img", "error", 0]

"""What a fault of the service itself is answered with: no test knows a request that meets one, so a route is put in."""

from pathlib import Path

import anyio
import httpx

from semblance.api.app import create_app
from semblance.api.door.foreign import ALWAYS
from semblance.api.settings import Settings


def test_a_fault_is_a_problem_that_bears_what_every_answer_does(library: Path) -> None:
    app = create_app(Settings(library=library))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a word that is nobody's business")

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return await http.get("/broken")

    answer = anyio.run(asked)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "nobody's business" not in answer.text

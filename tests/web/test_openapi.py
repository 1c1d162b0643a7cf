"""The API answers what its description says, whatever is sent to it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")
import hypothesis
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from starlette.testclient import TestClient

from tests.web.conftest import JOB, SETTINGS
from web import examples
from web.access import EVERYBODY
from web.app import make_app

OPERATIONS = 12
CASES = 2000 if hypothesis.settings().max_examples > 100 else 200  # the first in `make prove`
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
KNOWN = "k" * 22  # id of a file that was judged


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application with a file that was judged. It judges no other one."""
    settings = replace(
        SETTINGS, folder=tmp_path_factory.mktemp("serve"), max_queue=10**6, max_disk=10**9
    )
    return make_app(settings, JOB)


def restore(app: Any) -> None:
    """Add the judged file again, which a request may have deleted."""
    parts = app.state.server
    if parts.store.find(KNOWN, EVERYBODY) is None:
        (parts.settings.uploads / KNOWN).write_bytes(b"no video")
        parts.store.add(KNOWN, EVERYBODY, "clip.mp4", 8, "x")
        parts.store.finish(KNOWN, examples.VIDEO["result"])


@pytest.fixture(scope="module")
def schema(app: Any) -> Iterator[Any]:
    yield schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.hypothesis
def test_every_operation_keeps_to_its_description(app: Any, schema: Any) -> None:
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == OPERATIONS
    cases = -(-CASES // OPERATIONS)
    for operation in operations:

        @given(case=operation.as_strategy(), known=st.booleans())
        @hypothesis.settings(max_examples=cases, suppress_health_check=list(HealthCheck))
        def keeps_to_it(case: Any, known: bool) -> None:
            restore(app)
            if known and "video_id" in (case.path_parameters or {}):
                case.path_parameters["video_id"] = KNOWN
            case.call_and_validate(checks=CHECKS)

        keeps_to_it()


def test_the_description_has_an_example_of_a_video_as_it_is_answered(app: Any) -> None:
    restore(app)
    client = TestClient(app)
    described = client.get("/openapi.json").json()["paths"]["/v1/videos/{video_id}"]["get"]
    example = described["responses"]["200"]["content"]["application/json"]["example"]
    answered = client.get(f"/v1/videos/{KNOWN}").json()
    assert examples.VIDEO.keys() == answered.keys()
    assert example == {k: v for k, v in examples.VIDEO.items() if v is not None}

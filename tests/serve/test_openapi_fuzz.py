"""schemathesis calls every operation of the OpenAPI document with valid and broken input: never a 500."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from ragqa.serve.guard import SECURITY_HEADERS


@pytest.fixture
def api(server):
    return schemathesis.openapi.from_url(f"{server.address}openapi.json")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_server(case: schemathesis.Case) -> None:
    response = case.call_and_validate(
        checks=[
            checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
        ]
    )

    assert SECURITY_HEADERS.keys() <= response.headers.keys()

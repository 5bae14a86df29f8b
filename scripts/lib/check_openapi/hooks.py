"""What schemathesis must not do to its own account, and what no schema can say."""

import json
import os

import schemathesis

TESTER = os.environ["CHECK_OPENAPI_TESTER"]
NOBODY = "00000000-0000-4000-8000-00000000dead"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leaves the user alone with whose token all requests are sent."""
    if case.method != "GET" and (case.path_parameters or {}).get("user_id") == TESTER:
        case.path_parameters["user_id"] = NOBODY


# A cursor comes out of a Link header and cannot be made up: what a list is sorted by, and an id. Names and times are both texts.
AT = "2026-11-30T06:30:00Z"
SORTED_BY = {
    "/api/audit": 5,
    "/api/dead-letters": 5,
    "/api/links": NOBODY,
    "/api/junctions/{junction_id}/plans": [AT, "plan"],
    "/api/junctions/{junction_id}/counts": [AT, NOBODY, 5],
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Lets cursors be ones of their list; others are refused."""
    for path, item in raw_schema["paths"].items():
        key = [SORTED_BY.get(path, AT), NOBODY]
        cursor = json.dumps(key, separators=(",", ":")).encode().hex()
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "cursor":
                    parameter["schema"] = {"type": "string", "enum": [cursor]}

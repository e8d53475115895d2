"""The JSON schema of a flag file (``flag_file.schema.json``), asked before every write."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from pacer_pipelines.errors import FlagRefused


def check_schema(document: object, flag_key: str) -> None:
    """Refuse a document that is no flag file: strict for this flag, tolerant of other flags and unknown metadata.

    Args:
        document: content of a flag file.
        flag_key: the experiment's flag.

    Raises:
        FlagRefused: one line that names the place, what was got and what is allowed.
    """
    from jsonschema.exceptions import best_match

    error: Any = best_match(_validator(flag_key).iter_errors(document))
    if error is not None:
        raise FlagRefused(_sentence(error))


@cache
def _validator(flag_key: str) -> Any:
    from jsonschema import Draft202012Validator

    schema: dict[str, Any] = json.loads(
        files("pacer_pipelines.adapters.flags").joinpath("flag_file.schema.json").read_text(encoding="utf-8")
    )
    # the other flags of the file belong to others: only this one is held to the strict form
    schema["properties"]["flags"]["properties"] = {flag_key: {"$ref": "#/$defs/flag"}}
    schema["properties"]["flags"]["required"] = [flag_key]
    return Draft202012Validator(schema)


def _sentence(error: Any) -> str:
    # below an "anyOf" only its parent says what is allowed in words
    while error.parent is not None:
        error = error.parent
    place = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator in ("required", "additionalProperties"):
        return f"schema: {place}: {error.message}"
    got = json.dumps(error.instance, ensure_ascii=False)
    allowed = error.schema.get("description", error.message)
    return f"schema: {place}: got {got if len(got) <= 80 else got[:77] + '...'}, allowed: {allowed}"

"""The JSON Schema of recipe files, for editors that complete and check while one types. Pure; any thread.

It knows names, types and limits. Whether values fit one another only `gridrl validate` can say.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from engine.training.presets import PRESETS

from .config import TOOLS
from .recipe_file import ABOUT

_TEMPLATE: Final = {"type": "string", "pattern": r"\$\{[A-Za-z0-9_.]+\}"}
_ABOUT: Final = {
    "summary": {"type": "string", "description": "one line for lists"},
    "recipe": {"type": "string", "description": "what this file builds on: a recipe's name, or a file"},
    "preset": {"enum": list(PRESETS), "description": "settings of the trainer by machine"},
}


def recipe_schema() -> dict[str, Any]:
    """Draft 2020-12. A file gives what it likes, so that nothing is required."""
    generator = GenerateJsonSchema(ref_template="#/$defs/{model}")
    refs, definitions = generator.generate_definitions(
        [(tool, "validation", model.__pydantic_core_schema__) for tool, model in TOOLS.items()]
    )
    tables = {tool: _of(refs[tool, "validation"], definitions) for tool in TOOLS}
    shared = tables["train"]["properties"]
    own = {
        tool: table | {"properties": table["properties"], "description": f"for gridrl {tool} alone"}
        for tool, table in tables.items()
    }
    assert set(_ABOUT) == set(ABOUT)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a recipe of gridrl",
        "type": "object",
        "additionalProperties": False,
        "properties": _ABOUT | shared | own,
        "$defs": definitions,
    }
    return dict(_loosened(schema))


def _of(reference: dict[str, Any], definitions: dict[Any, Any]) -> dict[str, Any]:
    return dict(definitions[reference["$ref"].rpartition("/")[2]])


def _loosened(schema: Any) -> Any:
    """Nothing is required; in place of a value there may be a `${key}`, of a list a table of its items by name."""
    if isinstance(schema, list):
        return [_loosened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    loose = {key: _loosened(item) for key, item in schema.items() if not (key == "required" and isinstance(item, list))}
    if "patternProperties" in loose:
        loose.setdefault("additionalProperties", False)  # an entry's name must be a name
    others: list[dict[str, Any]] = []
    if loose.get("type") in ("integer", "number", "boolean"):
        others = [_TEMPLATE]
    elif loose.get("type") == "array":
        others = [_TEMPLATE, {"type": "object"}]
    elif loose.get("$ref", "").endswith("/Rules"):
        others = [{"type": "string", "description": "the path of a rules file"}]
    if not others:
        return loose
    about = {key: loose.pop(key) for key in ("title", "description", "default") if key in loose}  # for editors to show
    return about | {"anyOf": [loose, *others]}

"""Games as YAML files: written so that a person can read and change them, read so that nothing wrong gets through.

Pure but for `load_rules`, which reads the disk; any thread. docs/rules.md is its manual.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from engine.errors import ConfigError
from engine.sim import Rules
from engine.text_files import expanded, read_text

from .refusal import first_fault
from .yaml_text import MAX_BYTES, read_yaml

_LINE_WIDTH = 110  # short tables and lists stay on one line


def rules_to_yaml(rules: Rules) -> str:
    """A game as YAML: fields in the order of the models, defaults left out. `rules_from_yaml` gives the game back."""
    return yaml.dump(
        _plain(rules), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=_LINE_WIDTH, allow_unicode=True
    )


def rules_from_yaml(text: str, name: str) -> Rules:
    """The game that a YAML text describes.

    Args:
        name: what to call the text in error messages: its file's name.

    Raises:
        ConfigError: it is no plain YAML, or no game; with line, column, key path and what is allowed.
    """
    document = read_yaml(text, name)
    try:
        # Through JSON, because strict JSON refuses true for 1 and yet takes lists for tuples.
        return Rules.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        fault = first_fault(error, Rules, document.data, typed=False)
        raise document.error(fault.location, fault.message, fault.hint) from None


def load_rules(source: str) -> Rules:
    """The game in a YAML file.

    Raises:
        ConfigError: there is no such file, or it is no game.
    """
    path = expanded(source, ConfigError)
    text = read_text(
        path,
        noun="rules file",
        max_bytes=MAX_BYTES,
        missing="gridrl rules RECIPE prints one to begin with",
        refused=ConfigError,
    )
    return rules_from_yaml(text, path.name)


def rules_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of such a file, for editors. Checks over several fields are not in it."""
    schema = Rules.model_json_schema()
    for table in _tables_of(schema):
        if "patternProperties" in table:
            table.setdefault("additionalProperties", False)  # an entry's name must be a name
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _tables_of(schema: Any) -> list[dict[str, Any]]:
    """Every object within a schema, itself included."""
    if isinstance(schema, list):
        return [table for item in schema for table in _tables_of(item)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(table for value in schema.values() for table in _tables_of(value))]


class _Dumper(yaml.SafeDumper):
    """Lists are set in below their key, and nothing is an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(value: Any) -> Any:
    """Tables, lists and values that YAML knows, without what is as it would be anyway."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        kept = {name: getattr(value, name) for name, field in fields if not _is_default(getattr(value, name), field)}
        return {name: _plain(item) for name, item in kept.items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _is_default(value: Any, field: Any) -> bool:
    """By what is written: -0.0 equals 0.0 and yet is another number."""
    return not field.is_required() and repr(value) == repr(field.get_default(call_default_factory=True))

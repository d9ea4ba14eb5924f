"""What other programs call our settings, and the settings of theirs that mean nothing here.

Pure data and functions; any thread. Names that mean the same are understood; what cannot be is named in the message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from engine.errors import ConfigError

from .overrides import Override

_TRAINER: Final = {
    "lr": "learning_rate",
    "total_timesteps": "total_steps",
    "ent_coef": "entropy_coefficient",
    "vf_coef": "value_coefficient",
    "clip_coef": "clip",
    "clip_range": "clip",
    "vf_clip_coef": "value_clip",
    "update_epochs": "epochs",
    "n_epochs": "epochs",
    "bptt_horizon": "horizon",
    "num_steps": "horizon",
    "n_steps": "horizon",
    "num_envs": "env_count",
    "n_envs": "env_count",
    "num_workers": "threads",
}
_TOP: Final = {"run_name": "run", "policy_uri": "policy", "policy_uris": "policies", "env.game.map": "map"}
_DEVICE: Final = {"device": "trainer.device", "system.device": "trainer.device"}
"""For tools that train; the others have no choice."""

_ALIASES: Final = {f"trainer.{name}": f"trainer.{own}" for name, own in _TRAINER.items()} | _TOP | _DEVICE
_FILE: Final = "@file://"
"""Before a path, in place of a value."""

_OFF: Final = ("off", "false", "none", "null", "disabled")
_IDLE: Final = {
    "wandb": (_OFF, "runs are kept on this machine; Weights & Biases is not written to"),
    "wandb.enabled": (_OFF, "runs are kept on this machine; Weights & Biases is not written to"),
    "stats_client": (_OFF, "there is no stats server; gridrl query asks the runs themselves"),
    "device": (("cpu", "auto"), "only training takes another than the CPU"),
    "system.device": (("cpu", "auto"), "only training takes another than the CPU"),
}
"""Settings that may say what is so anyway: the values that do, and what is so."""

_FOREIGN: Final = {
    "defaults": ("a Hydra defaults list", "recipe: NAME says what a file builds on"),
    "hydra": ("a setting of Hydra", "gridrl TOOL RECIPE -h lists the settings"),
    "env": ("a Hydra group", "name a recipe: gridrl train navigation; and map=FILE for a map"),
    "agent": ("a Hydra group", "trainer.policy.kind chooses the network"),
    "wandb": ("a setting of Weights & Biases", "leave it out; runs are kept on this machine"),
    "_target_": ("a Hydra class path", "recipes name no classes"),
    "trainer.batch_size": ("env_count x agents x horizon here", "set trainer.env_count or trainer.horizon"),
    "trainer.optimizer": ("a table we do not have", "trainer.learning_rate is Adam's"),
    "sim_job": ("a Hydra job", "gridrl evaluate RECIPE policies=..."),
    "replay_job": ("a Hydra job", "gridrl replay RECIPE policy=..."),
    "renderer_job": ("a Hydra job", "gridrl play RECIPE render=true"),
}


def translated(override: Override, fields: frozenset[str]) -> Override:
    """An override under our own name for it.

    Args:
        fields: what the tool has at the top, so that policy_uri is `policy` to play and `policies` to evaluate.
    """
    names = override.names
    if len(names) == 2 and names[0] == "trainer" and names[1] in _TRAINER:
        return Override(f"trainer.{_TRAINER[names[1]]}", override.text)
    key = _TOP.get(override.key, override.key)
    if "trainer" in fields:
        key = _DEVICE.get(key, key)
    if key in ("policy", "policies") and key not in fields:
        key = "policy" if key == "policies" else "policies"
    text = override.text.removeprefix(_FILE) if key in ("map", "rules") else override.text
    return Override(key, text)


def translated_table(table: Mapping[str, Any], fields: frozenset[str], kept: Collection[str] = ()) -> dict[str, Any]:
    """What a file says, under our own names and without what is so anyway. Where both names are there, both stay.

    Args:
        fields: as for `translated`.
        kept: keys at the top that are the recipe's own, whatever they mean elsewhere.
    """
    own = {key: _copied(value) for key, value in table.items()}
    for key in (*_IDLE, *_ALIASES):
        names = key.split(".")
        holder = None if names[0] in kept else _holder(own, names)
        if holder is None or names[-1] not in holder:
            continue
        as_typed = Override(key, _typed(holder[names[-1]]))
        name = translated(as_typed, fields).key
        is_free = name != key and not _is_said(own, name.split("."))
        if idle(as_typed, fields) or is_free:
            value = holder.pop(names[-1])
            if is_free:
                _put(own, name.split("."), value)
            _prune(own, names[:-1])
    for key in ("map", "rules"):
        if isinstance(own.get(key), str):
            own[key] = own[key].removeprefix(_FILE)
    return own


def spellings(names: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """A setting's path as other programs would write it."""
    for key, own in _ALIASES.items():
        ours = tuple(own.split("."))
        if names[: len(ours)] == ours or (names[:1] == ("policies",) and ours == ("policy",)):
            yield (*key.split("."), *names[len(ours) :])


def refuse_alias(key: str) -> None:
    """Name what could not be translated, because the setting is there under our own name as well.

    Raises:
        ConfigError: the key is such a name.
    """
    if key in _ALIASES:
        raise ConfigError(f"{key} means {_ALIASES[key]}, which is there as well", hint="keep one of the two")


def _copied(value: Any) -> Any:
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value


def _typed(value: Any) -> str:
    """As one would type it, where that is one word."""
    return str(value).lower() if value is None or isinstance(value, bool) else value if isinstance(value, str) else ""


def _holder(table: dict[str, Any], names: list[str]) -> dict[str, Any] | None:
    """The table in which the last of the names would stand."""
    inner: Any = table
    for name in names[:-1]:
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner if isinstance(inner, dict) else None


def _is_said(table: dict[str, Any], names: list[str]) -> bool:
    holder = _holder(table, names)
    return holder is not None and names[-1] in holder


def _put(table: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        table = table.setdefault(name, {})
    table[names[-1]] = value


def _prune(table: dict[str, Any], names: list[str]) -> None:
    """Take out tables that have become empty."""
    for end in range(len(names), 0, -1):
        holder = _holder(table, names[:end])
        if holder is None or holder.get(names[end - 1]) != {}:
            return
        del holder[names[end - 1]]


def idle(override: Override, fields: frozenset[str]) -> str:
    """What is so anyway, where a foreign setting says no more than that; else nothing."""
    if override.key in _DEVICE and "trainer" in fields:
        return ""
    values, words = _IDLE.get(override.key, ((), ""))
    return words if override.text.lower() in values else ""


def refuse_foreign(override: Override) -> None:
    """Name what is not ours.

    Raises:
        ConfigError: the key is known to be another program's.
    """
    if override.key in _IDLE:
        values, words = _IDLE[override.key]
        said = f"{override.key}={override.text[:60]}" if override.text else override.key
        raise ConfigError(f"{said}: {words}", hint=f"leave it out; {values[0]} is as it is")
    key = next((key for key in _FOREIGN if override.key == key or override.key.startswith((f"{key}.", f"{key}/"))), "")
    if key:
        what, instead = _FOREIGN[key]
        raise ConfigError(f"{override.key[:60]}: that is {what}", hint=instead)

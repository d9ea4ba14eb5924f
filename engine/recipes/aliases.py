"""What other programs call our settings, and the settings of theirs that mean nothing here.

Pure data and functions; any thread. Names that mean the same are understood; what cannot be is named in the message.
"""

from __future__ import annotations

from typing import Final

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
_FILE: Final = "@file://"
"""Before a path, in place of a value."""

_OFF: Final = ("off", "false", "none", "null", "disabled")
_IDLE: Final = {
    "wandb": (_OFF, "runs are kept on this machine; Weights & Biases is not written to"),
    "wandb.enabled": (_OFF, "runs are kept on this machine; Weights & Biases is not written to"),
    "stats_client": (_OFF, "there is no stats server; gridrl query asks the runs themselves"),
    "device": (("cpu", "auto"), "training runs on the CPU"),
    "system.device": (("cpu", "auto"), "training runs on the CPU"),
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
    if key in ("policy", "policies") and key not in fields:
        key = "policy" if key == "policies" else "policies"
    text = override.text.removeprefix(_FILE) if key in ("map", "rules") else override.text
    return Override(key, text)


def idle(override: Override) -> str:
    """What is so anyway, where a foreign setting says no more than that; else nothing."""
    values, words = _IDLE.get(override.key, ((), ""))
    return words if override.text.lower() in values else ""


def refuse_foreign(override: Override) -> None:
    """Name what is not ours.

    Raises:
        ConfigError: the key is known to be another program's.
    """
    if override.key in _IDLE:
        values, words = _IDLE[override.key]
        raise ConfigError(
            f"{override.key}={override.text[:60]}: {words}", hint=f"leave it out; {values[0]} is as it is"
        )
    key = next((key for key in _FOREIGN if override.key == key or override.key.startswith((f"{key}.", f"{key}/"))), "")
    if key:
        what, instead = _FOREIGN[key]
        raise ConfigError(f"{override.key[:60]}: that is {what}", hint=instead)

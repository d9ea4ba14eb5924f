"""Replays as other programs write them, made by hand: one small scene in each version of the format.

Four columns, three rows. Agent 0 begins at [1, 1], steps east, takes ore from the mine, is frozen and is paid; agent 1
stands at [0, 2]. Files speak of steps 0 to 4, whose frames are the states after those steps: ticks 1 to 5.
"""

from __future__ import annotations

import copy
import gzip
import json
import zlib
from typing import Any

ACTIONS = ["noop", "move_east", "get_items"]
TYPES = ["agent", "wall", "mine_red"]

V3: dict[str, Any] = {
    "version": 3,
    "file_name": "scene.json.z",
    "action_names": ACTIONS,
    "item_names": ["ore_red", "heart"],
    "type_names": TYPES,
    "map_size": [4, 3],
    "num_agents": 2,
    "max_steps": 5,
    "mg_config": {"label": "scene"},
    "objects": [
        {"id": 0, "type_name": "wall", "location": [0, 0]},
        {
            "id": 1,
            "type_name": "mine_red",
            "location": [3, 1],
            "output_resources": [[0, 1]],
            "cooldown_remaining": [[0, 0], [2, 2], [3, 1], [4, 0]],
        },
        {
            "id": 2,
            "type_name": "agent",
            "is_agent": True,
            "agent_id": 0,
            "group_id": 0,
            "vision_size": 11,
            "location": [[0, [1, 1]], [1, [2, 1]]],
            "orientation": [[0, 0], [1, 3]],
            "inventory": [[0, []], [2, [[0, 1]]], [4, [[0, 1], [1, 2]]]],
            "action_id": [[0, 0], [1, 1], [2, 2], [3, 0]],
            "action_success": [[0, True], [3, False], [4, True]],
            "current_reward": [[0, 0], [4, 1.5], [5, 0]],
            "total_reward": [[0, 0], [4, 1.5]],
            "freeze_remaining": [[0, 0], [3, 2], [4, 1]],
            "is_frozen": [[0, False], [3, True]],
        },
        {
            "id": 3,
            "type_name": "agent",
            "agent_id": 1,
            "group_id": 1,
            "location": [0, 2],
            "inventory": [[0, 5]],
            "action_success": True,
            "vibe_id": 3,
        },
    ],
}

V2: dict[str, Any] = {
    "version": 2,
    "file_name": "scene.json.z",
    "action_names": ACTIONS,
    "item_names": ["ore_red", "heart"],
    "type_names": TYPES,
    "map_size": [4, 3],
    "num_agents": 2,
    "max_steps": 5,
    "objects": [
        {"id": 0, "type_id": 1, "location": [0, 0, 0]},
        {
            "id": 1,
            "type_id": 2,
            "location": [3, 1, 0],
            "recipe_output": [0],
            "cooldown_progress": [[0, 0], [2, 2], [3, 1], [4, 0]],
        },
        {
            "id": 2,
            "type_id": 0,
            "agent_id": 0,
            "group_id": 0,
            "location": [[0, [1, 1, 0]], [1, [2, 1, 0]]],
            "rotation": [[0, 0], [1, 3]],
            "inventory": [[0, []], [2, [0]], [4, [0, 1, 1]]],
            "action_id": [[0, 0], [1, 1], [2, 2], [3, 0]],
            "action_parameter": 0,
            "action_success": [[0, True], [3, False], [4, True]],
            "current_reward": [[4, 1.5]],
            "total_reward": [[4, 1.5]],
            "frozen": [[3, True]],
            "frozen_progress": [[3, 2], [4, 1]],
            "frozen_time": 2,
        },
        {
            "id": 3,
            "type_id": 0,
            "agent_id": 1,
            "group_id": 1,
            "location": [0, 2, 0],
            "inventory": [0, 0, 0, 0, 0],
            "action_success": True,
            "vibe_id": 3,
        },
    ],
}

V1: dict[str, Any] = {
    "version": 1,
    "action_names": ACTIONS,
    "inventory_items": ["ore_red", "heart"],
    "object_types": TYPES,
    "map_size": [4, 3],
    "num_agents": 2,
    "max_steps": 5,
    "grid_objects": [
        {"id": 0, "type": 1, "c": 0, "r": 0},
        {"id": 1, "type": 2, "c": 3, "r": 1, "cooldown_remaining": [[2, 2], [3, 1], [4, 0]], "output_resources": [0]},
        {
            "id": 2,
            "type": 0,
            "agent_id": 0,
            "agent:group": 0,
            "agent:orientation": [[0, 0], [1, 3]],
            "c": [[0, 1], [1, 2]],
            "r": 1,
            "agent:inv:ore_red": [[0, 0], [2, 1]],
            "agent:inv:heart": [[4, 2]],
            "action": [[0, [0, 0]], [1, [1, 0]], [2, [2, 0]], [3, [0, 0]]],
            "action_success": [[0, True], [3, False], [4, True]],
            "reward": [[4, 1.5]],
            "total_reward": [[4, 1.5]],
            "agent:frozen": [[3, 2], [4, 1]],
        },
        {
            "id": 3,
            "type": 0,
            "agent_id": 1,
            "agent:group": 1,
            "c": 0,
            "r": 2,
            "inv:ore_red": 5,
            "action_success": True,
            "agent:glyph": 3,
        },
    ],
}

ALL = {"v1": V1, "v2": V2, "v3": V3}

PACKINGS = {"plain": bytes, "zlib": zlib.compress, "gzip": gzip.compress}


def data_of(document: Any) -> bytes:
    return json.dumps(document).encode()


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with other values at the top."""
    return {**copy.deepcopy(document), **changes}

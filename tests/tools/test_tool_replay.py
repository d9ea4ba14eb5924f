"""gridrl replay, and gridrl play --record: what was played is told again, or the first tick that is not it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from replays.foreign import V3, data_of

from engine.cli import main
from engine.errors import RecordingError
from engine.maps import cells_for
from engine.recipes import maps_of, resolve, worlds_of
from engine.replays.drawing import drawn
from engine.runs.recordings import load_recording, save_recording
from engine.sim import ENGINE_VERSION, Batch, RecordedMap, Recorder

from .console import ROOT, has_controls, here

PAGE = (ROOT / "docs" / "recordings.md").read_text(encoding="utf-8")
ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"


@pytest.fixture
def recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Sixty steps of six agents."""
    path = tmp_path / "game.gridrec"
    assert main(["play", "arena_easy", "rules.max_steps=60", "--episodes", "1", "--record", str(path)]) == 0
    capsys.readouterr()
    return path


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str], str]:
    """Exit code, lines of stdout, stderr."""
    code = main(["replay", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_replay_tells_what_play_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.gridrec"
    arguments = ["arena_easy", "rules.max_steps=60", "--policy", "random", "--seed", "5", "--episodes", "2"]
    assert main(["play", *arguments, "--record", str(path)]) == 0
    header, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]

    code, lines, said = replayed(capsys, path)

    assert (code, said) == (0, "")
    assert lines[:6] == [
        "game    arena",
        "map     arena_small 13x11",
        "start   seed 5, episode 0",
        f"engine  {ENGINE_VERSION}",
        "ticks   60",
        "end     truncated",
    ]
    table = [line.split() for line in lines[7:14]]
    assert table[0] == ["agent", "group", "return", *header[5:]]
    assert [(row[0], row[2:]) for row in table[1:]] == [
        (row[1], [row[2], *row[5:]]) for row in rows if row[0] == "0"
    ]  # the first episode, agent by agent
    assert lines[-1] == "verified: all 61 hashes agree"


def test_the_same_play_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("a.gridrec", "b.gridrec"):
        assert main(["play", "navigation", "--episodes", "1", "--seed", "3", "--record", str(tmp_path / name)]) == 0

    assert (tmp_path / "a.gridrec").read_bytes() == (tmp_path / "b.gridrec").read_bytes()


def test_a_tick_is_drawn_as_play_drew_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "game.gridrec"
    arguments = ["play", "navigation", "rules.max_steps=8", "--policy", "random", "--episodes", "1", "--render"]
    assert main([*arguments, "--record", str(path)]) == 0
    frames = re.findall(r"^episode 0, step (\d+)\n(.*?)\n\n", capsys.readouterr().out, re.DOTALL | re.MULTILINE)
    assert len(frames) > 1

    for step, frame in frames:
        code, lines, said = replayed(capsys, path, "--at", step)
        assert (code, said) == (0, "")
        assert lines == [f"tick {step}", *frame.splitlines()]


def test_ticks_that_cannot_be_drawn_are_refused(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, said = replayed(capsys, recorded, "--at", "60")
    assert (code, lines) == (2, [])
    assert said == "gridrl: the step to tick 60 ended the episode: nothing stands there\nhint: take --at 59\n"

    code, lines, said = replayed(capsys, recorded, "--at", "61")
    assert (code, lines) == (2, [])
    assert said == "gridrl: there is no tick 61\nhint: the recording can be drawn at 0 to 59\n"


def test_the_first_tick_that_differs_is_told(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = load_recording(recorded)
    actions = recording.actions.copy()
    actions[23, 1] ^= 1
    save_recording(recorded, dataclasses.replace(recording, actions=actions, engine="0.0.1"))
    difference = "differs: tick 24 is the first that is not as it was recorded"
    versions = f"it was recorded by engine 0.0.1, and this is {ENGINE_VERSION}"

    code, lines, _ = replayed(capsys, recorded)
    assert code == 1
    assert lines[3] == f"engine  0.0.1, played by {ENGINE_VERSION}"
    assert lines[5] == "end     unknown, played to tick 24"
    assert lines[-2:] == [difference, versions]

    code, lines, said = replayed(capsys, recorded, "--at", "10")
    assert code == 1
    assert lines[0] == "tick 10"
    assert said.splitlines() == [difference, versions]


def test_a_recording_that_was_stopped_tells_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = resolve("arena_easy")
    maps = [RecordedMap(each.name, cells_for(each, config.rules)) for each in maps_of(config)]
    random = np.random.default_rng(1)
    with Batch(worlds_of(config), seed=4) as batch:
        for _ in range(7):
            batch.step(random.integers(len(batch.spec.action_names), size=batch.rows))
        recorder = Recorder(batch, maps, seed=4)
        for _ in range(20):
            actions = random.integers(len(batch.spec.action_names), size=batch.rows)
            batch.step(actions)
            recorder.record(actions)
        save_recording(tmp_path / "part.gridrec", recorder.recording())
        returns = [f"{agent.episode_return:.3f}" for agent in batch.look().agents]
        last = drawn(batch.look(), batch.spec)

    code, lines, _ = replayed(capsys, tmp_path / "part.gridrec")
    assert code == 0
    assert lines[2] == "start   seed 4, episode 0, step 7"
    assert lines[4:6] == ["ticks   20", "end     not recorded"]
    assert [line.split()[2] for line in lines[8:14]] == returns
    assert lines[-1] == "verified: all 21 hashes agree"
    assert replayed(capsys, tmp_path / "part.gridrec", "--at", "20") == (0, ["tick 20", *last], "")


def test_damage_is_said_with_the_file_and_the_place(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = recorded.read_bytes()

    recorded.write_bytes(whole[:-5])
    code, lines, said = replayed(capsys, recorded)
    assert (code, lines) == (1, [])
    assert said.startswith(f"gridrl: {recorded}: the recording is cut short: section hashes at byte ")

    recorded.write_bytes(whole[:100] + b"?" + whole[101:])
    code, lines, said = replayed(capsys, recorded)
    assert (code, lines) == (1, [])
    assert said == f"gridrl: {recorded}: section head at byte 10 is damaged: its checksum does not match\n"


def test_what_is_no_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello")
    answers = {
        "no.gridrec": f"cannot read {tmp_path}/no.gridrec: it does not exist",
        "pipe": f"{tmp_path}/pipe is not a regular file",
        "empty": f"{tmp_path}/empty: the replay is empty",
        "text": f"{tmp_path}/text: this is no replay: not JSON at character 1 (Expecting value)",
        f"{'x' * 300}.gridrec": f"cannot read {tmp_path}/{'x' * 300}.gridrec: File name too long",
    }
    for name, answer in answers.items():
        code, lines, said = replayed(capsys, tmp_path / name)
        assert (code, lines, said.splitlines()[0]) == (1, [], f"gridrl: {answer}")


@pytest.mark.parametrize("command", [["play", "navigation"], ["replay", "navigation"]])
def test_record_wants_a_place_of_its_own_kind(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious, disguised, link = tmp_path / "my.map", tmp_path / "my.gridrec", tmp_path / "link.gridrec"
    for path in (precious, disguised):
        path.write_text("###\n")
    link.symlink_to(precious)
    os.mkfifo(tmp_path / "pipe.gridrec")
    (tmp_path / "folder.gridrec").mkdir()
    places = {
        precious: "ends in .gridrec",
        disguised: "is there and is no recording",
        link: "is there and is no recording",
        tmp_path / "pipe.gridrec": "is there and is no recording",
        tmp_path / "folder.gridrec": "is there and is no recording",
        tmp_path / "no" / "a.gridrec": "there is no directory",
        tmp_path / f"{'x' * 300}.gridrec": "ends in .gridrec",
        tmp_path / "a\0.gridrec": "ends in .gridrec",
        tmp_path / ESCAPE: "ends in .gridrec",
    }
    before = sorted(tmp_path.iterdir())

    for path, words in places.items():
        assert main([*command, f"record={path}"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert words in said.err
        assert not has_controls(said.err)

    assert sorted(tmp_path.iterdir()) == before
    assert (precious.read_text(), disguised.read_text()) == ("###\n", "###\n")


# ---- From a recipe


def test_a_recipe_is_played_recorded_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, other = tmp_path / "a.gridrec", tmp_path / "b.gridrec"
    arguments = ["arena_easy", "rules.max_steps=60", "policy=random", "seed=5"]

    code, lines, said = replayed(capsys, *arguments, f"record={file}")

    assert (code, said) == (0, f"recorded an episode in {file}\n")
    assert lines[:3] == ["game    arena", "map     arena_small 13x11", "start   seed 5, episode 0"]
    assert lines[-1] == "verified: all 61 hashes agree"
    assert replayed(capsys, file) == (0, lines, "")
    assert main(["play", *arguments, "episodes=1", f"record={other}"]) == 0
    assert other.read_bytes() == file.read_bytes()


def test_without_a_name_the_recording_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    for _ in range(2):  # the second time over the first
        assert replayed(capsys, "navigation")[0] == 0

    assert [path.name for path in tmp_path.iterdir()] == ["replay.gridrec"]
    assert load_recording(tmp_path / "replay.gridrec").ended


def test_a_policy_that_is_not_there_leaves_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, said = replayed(capsys, "navigation", "policy=nobody", f"record={tmp_path / 'a.gridrec'}")

    assert (code, lines) == (2, [])
    assert said.startswith("gridrl: no policy and no run is called 'nobody'\n")
    assert list(tmp_path.iterdir()) == []


# ---- Files


def test_a_recording_is_replaced_whole_and_a_link_keeps_pointing(recorded: Path) -> None:
    recording, link = load_recording(recorded), recorded.with_name("link.gridrec")
    link.symlink_to(recorded)

    save_recording(link, dataclasses.replace(recording, seed=99))

    assert link.is_symlink()
    assert load_recording(recorded).seed == 99
    assert sorted(path.name for path in recorded.parent.iterdir()) == ["game.gridrec", "link.gridrec"]


def test_a_place_that_cannot_be_written_is_named_and_left_alone(recorded: Path) -> None:
    folder = recorded.parent / "folder.gridrec"
    folder.mkdir()

    with pytest.raises(RecordingError, match=r"cannot write .*folder\.gridrec"):
        save_recording(folder, load_recording(recorded))

    assert sorted(path.name for path in recorded.parent.iterdir()) == ["folder.gridrec", "game.gridrec"]


def test_hostile_names_are_shown_harmless(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = load_recording(recorded)
    maps = tuple(dataclasses.replace(each, name=ESCAPE) for each in recording.maps)
    save_recording(recorded, dataclasses.replace(recording, maps=maps))

    code, lines, said = replayed(capsys, recorded)
    assert code == 0
    assert "\\x1b]52" in lines[1]
    assert not has_controls("\n".join(lines) + said)

    for name, expected in ((ESCAPE, 2), (f"{ESCAPE}.gridrec", 1)):  # it may be a recipe's; it can only be a recording's
        code, lines, said = replayed(capsys, recorded.with_name(name))
        assert (code, lines) == (expected, [])
        assert not has_controls(said)


# ---- Replays in JSON, and exports


def test_a_replay_with_its_recording_is_verified(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = replayed(capsys, recorded)
    path = recorded.with_name("game.json.z")

    assert replayed(capsys, recorded, "--export", path) == (0, [], f"wrote a replay of version 3 to {path}\n")
    assert replayed(capsys, path) == told
    assert replayed(capsys, path, "--at", "30") == replayed(capsys, recorded, "--at", "30")
    back = recorded.with_name("back.gridrec")
    assert replayed(capsys, path, "--export", back)[0] == 0
    assert back.read_bytes() == recorded.read_bytes()


def test_pictures_that_are_not_the_recordings_are_told(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded.with_name("game.json")
    replayed(capsys, recorded, "--export", path)
    path.write_text(path.read_text().replace('"vision_size":11', '"vision_size":12', 1))

    code, lines, said = replayed(capsys, path)

    assert (code, lines[-1]) == (1, "verified: all 61 hashes agree")
    assert said == "differs: the pictures in the file are not those of the recording in it\n"


def test_a_replay_of_others_is_summed_up_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = {**V3, "map_size": 7, "file_name": ESCAPE}
    (tmp_path / "scene.json").write_bytes(data_of(document))

    code, lines, said = replayed(capsys, tmp_path / "scene.json")

    assert code == 0
    assert said == "odd: map_size: 7 is no size; 4x3 holds every object\n"
    assert lines == [
        "file    replay, version 3",
        "name    \\x1b]52;c;cm0gLXJm\\x07\\u202e",
        "map     4x3",
        "ticks   1 to 5",
        "events  3",
        "",
        "agent  group  return  ore_red  heart",
        "    0      0   1.500        1      2",
        "    1      1   0.000        5      0",
        "",
        "not verified: it holds pictures, and nothing that could be played again",
    ]
    assert replayed(capsys, tmp_path / "scene.json", "--at", "2") == (0, ["tick 2", "#...", "..@r", "@..."], "")
    code, lines, said = replayed(capsys, tmp_path / "scene.json", "--at", "0")
    assert (code, lines) == (2, [])
    assert said == "gridrl: there is no tick 0\nhint: the replay can be drawn at 1 to 5\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fps", "3"], "--from, --to, --every and --fps are about --export"),
        (["--export", "a.png"], "a .png shows one tick: which?"),
        (["--export", "a.gif", "--at", "3"], "--at is one tick, and .gif takes many"),
        (["--export", "a.json.z", "--from", "3"], "--from, --to and --every do not go with .json.z"),
        (["--export", "a.txt", "--at", "3", "--to", "3"], "--from, --to and --every do not go with --at"),
        (["--export", "a.cast", "--from", "9", "--to", "3"], "tick 9 comes after tick 3"),
        (["--export", "a.mp4"], "'a.mp4': what is that to be?"),
        (["--export", "a.cast", "--fps", "0"], "argument --fps: takes a whole number from 1 to 100, not '0'"),
    ],
)
def test_exports_that_make_no_sense_are_refused(
    arguments: list[str],
    words: str,
    recorded: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(recorded.parent)

    code, lines, said = replayed(capsys, recorded, *arguments)

    assert (code, lines) == (2, [])
    assert said.startswith(f"gridrl: {words}")
    assert [each.name for each in recorded.parent.iterdir()] == [recorded.name]


def test_a_part_is_exported_as_fast_as_asked(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded.with_name("a.cast")

    code, _, said = replayed(
        capsys, recorded, "--export", path, "--from", "10", "--to", "20", "--every", "5", "--fps", "4"
    )

    assert (code, said) == (0, f"wrote 3 frames to {path}\n")
    assert [json.loads(line)[0] for line in path.read_text().splitlines()[1:]] == [0.0, 0.25, 0.5, 0.75]


# ---- The page


def consoles() -> list[tuple[str, str]]:
    """Each command of the page's console blocks, and what the page says it prints."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def test_the_page_shows_what_the_program_prints(tmp_path: Path) -> None:
    assert len(consoles()) == 3
    for command, output in consoles():
        program, *arguments = shlex.split(command)
        done = here(tmp_path, *arguments)

        assert (program, done.returncode) == ("gridrl", 0), done.stderr
        if arguments[0] == "replay":
            assert done.stdout == output


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(block, {})

    assert "tick 150 paid" in capsys.readouterr().out

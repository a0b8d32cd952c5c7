"""What `plan` prints: golden texts, JSON by its promised keys, Markdown that stays Markdown."""

import json
from typing import Any

import pytest

from reconciler.model import Key
from reconciler.planning.actions import Because, Hold
from reconciler.planning.changes import Change, Consequence
from reconciler.planning.plan import Plan, PlannedAction, Verb
from reconciler.render.plan import as_json, as_markdown, as_text, summary
from tests.planning.situations import at

CONVERGED = Hold(None, Because.CONVERGED, "as declared")
LAYOUT = Change("layout.type", "floating", "bestFit", Consequence.LAYOUT)
CHANNEL = Change("channel", "a", "b", Consequence.REPLACE)
CALLS: dict[str, tuple[str, ...]] = {
    "start": ("acquire", "start"),
    "settle": ("start",),
    "update": ("updateLayout",),
    "replace": ("stop", "acquire", "start"),
    "stop": ("stop",),
}


def action(name: str, verb: Verb, reason: str, **fields: Any) -> PlannedAction:
    filled: dict[str, Any] = {
        "disruption": "gap" if verb == "replace" else "none",
        "calls": CALLS.get(verb, ()),
        "rest": CONVERGED,
        **fields,
    }
    return PlannedAction(Key("default", name), verb, reason, **filled)


START = action("retro", "start", "no recording exists")
UPDATE = action("standup", "update", "layout.type: floating → bestFit", changes=(LAYOUT,))
REPLACE = action(
    "lesson",
    "replace",
    "cannot be changed in place: channel: a → b",
    notes=("replace: overlap is not acted on by this version: done as gap",),
)
STOP = action("old", "stop", "its manifest is gone")
SETTLE = action("lost", "settle", "repeat the start to learn what became of it: no answer within 30 s")
FORGET = action("given", "forget", "its manifest is gone, and onRemoval is leave")
HOLD = action("full", "hold", "no room", rest=Hold(at(90), Because.NO_ROOM, "no room"))
PENDING = action(
    "later",
    "hold",
    "from the next session on: channel: a → b",
    rest=Hold(None, Because.PENDING_NEXT, "from the next session on: channel: a → b", (CHANNEL,)),
)
NONE = action("still", "none", "as declared")
EVERYTHING = Plan((FORGET, HOLD, PENDING, REPLACE, SETTLE, START, STOP, NONE, UPDATE), ("x looks like a rename of y",))

TEXT = """\
-    stop           old      its manifest is gone [stop]
-/+  replace (gap)  lesson   cannot be changed in place: channel: a → b [stop, acquire, start]
      note: replace: overlap is not acted on by this version: done as gap
-    forget         given    its manifest is gone, and onRemoval is leave
?    settle         lost     repeat the start to learn what became of it: no answer within 30 s [start]
~    update         standup  [updateLayout]
      layout.type: floating → bestFit
+    start          retro    no recording exists [acquire, start]
.    hold           full     no room; next look 2026-01-01T09:01:30Z
.    hold           later    from the next session on: channel: a → b
      channel: a → b (from the next session on)

Note: x looks like a rename of y

Plan: 1 to start, 1 to update, 1 to replace, 1 to stop, 1 to settle, 1 to forget, 2 held; 8 calls (about 1 s at 9.5 \
calls/s)
"""


def test_what_is_interrupted_is_read_first_and_the_summary_last() -> None:
    assert as_text(EVERYTHING) == TEXT


def test_what_is_as_declared_is_shown_only_when_asked_for() -> None:
    assert "still" not in as_text(EVERYTHING)
    assert "=    none           still    as declared\n" in as_text(EVERYTHING, everything=True)


def test_colour_is_there_only_when_asked_for() -> None:
    assert "\x1b" not in as_text(EVERYTHING)
    assert as_text(Plan((START,)), color=True) == (
        "\x1b[32m+  start  retro  no recording exists [acquire, start]\x1b[0m\n\n"
        "\x1b[1mPlan: 1 to start; 2 calls (about 1 s at 9.5 calls/s)\x1b[0m\n"
    )


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        pytest.param(Plan(()), "Nothing to do: nothing is declared.", id="an empty set"),
        pytest.param(Plan((NONE,)), "Nothing to do: 1 recording is as declared.", id="one as declared"),
        pytest.param(Plan((NONE,) * 12), "Nothing to do: 12 recordings are as declared.", id="all as declared"),
        pytest.param(Plan((HOLD,)), "Nothing to do now: 1 recording is held.", id="only a hold"),
        pytest.param(
            Plan((HOLD, PENDING, NONE)),
            "Nothing to do now: 2 recordings are held, 1 as declared.",
            id="holds beside one as declared",
        ),
        pytest.param(Plan((FORGET,)), "Plan: 1 to forget; 0 calls", id="no call needed"),
        pytest.param(
            Plan((START,) * 3), "Plan: 3 to start; 6 calls (about 1 s at 9.5 calls/s)", id="calls add up over actions"
        ),
        pytest.param(
            Plan((START,) * 1000),
            "Plan: 1000 to start; 2000 calls (about 4 min at 9.5 calls/s)",
            id="long plans are told in minutes",
        ),
    ],
)
def test_the_summary_says(plan: Plan, line: str) -> None:
    assert summary(plan) == line
    assert as_text(plan).splitlines()[-1] == line


def test_json_has_the_promised_keys_and_the_order_of_names() -> None:
    assert json.loads(as_json(Plan((UPDATE, START, NONE)))) == {
        "converged": False,
        "calls": 3,
        "actions": [
            {
                "name": "retro",
                "action": "start",
                "reason": "no recording exists",
                "disruption": "none",
                "calls": ["acquire", "start"],
            },
            {
                "name": "standup",
                "action": "update",
                "reason": "layout.type: floating → bestFit",
                "disruption": "none",
                "calls": ["updateLayout"],
            },
        ],
    }


def test_json_of_a_converged_set_is_empty_unless_all_is_asked_for() -> None:
    assert json.loads(as_json(Plan((NONE,)))) == {"converged": True, "calls": 0, "actions": []}
    assert [one["action"] for one in json.loads(as_json(Plan((NONE,)), everything=True))["actions"]] == ["none"]


MARKDOWN = """\
**Plan: 1 to update, 1 to stop; 2 calls (about 1 s at 9.5 calls/s)**

> a note

| | Recording | Action | Disruption | Calls | Reason |
|---|---|---|---|---|---|
| `-` | old | stop | none | stop | its manifest is gone |
| `~` | standup | update | none | updateLayout | 1 field change |

<details><summary>Details of 1 recording</summary>

**standup**

- layout.type: floating → bestFit

</details>
"""


def test_markdown_is_a_table_with_the_details_folded_away() -> None:
    assert as_markdown(Plan((UPDATE, STOP), ("a note",))) == MARKDOWN


def test_markdown_without_anything_to_do_is_one_line() -> None:
    assert as_markdown(Plan((NONE,))) == "**Nothing to do: 1 recording is as declared.**\n"


def test_words_from_outside_do_not_become_markup() -> None:
    reason = "channel: a|b`<img>`\n@all"
    assert "channel: a\\|b\\`&lt;img&gt;\\`\\\\n@&#8203;all |\n" in as_markdown(Plan((action("x", "stop", reason),)))


def test_words_from_outside_do_not_steer_the_terminal() -> None:
    text = as_text(Plan((action("x", "stop", "\x1b[2Jgone\nfor good"),)))
    assert text.splitlines()[0] == r"-  stop  x  \x1b[2Jgone\nfor good [stop]"


def test_a_large_markdown_plan_fits_into_a_comment_and_says_what_is_left_out() -> None:
    text = as_markdown(Plan(tuple(action(f"lesson-{number:04}", "start", "new") for number in range(1000))))
    assert len(text) < 65_536
    assert "… and 750 more actions" in text

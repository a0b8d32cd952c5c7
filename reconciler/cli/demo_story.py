"""The story that the demo tells: seven steps, each said, done with real commands, and proved at Agora."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.cli.demo_stage import GRACE, Stage, UntrueError, one_for_each

OPENING: Final = """
reconciler: you declare in files which Agora Cloud Recordings should exist; it makes that true and keeps it true. This
is its whole story, played with real commands against a simulator of Agora inside this process: no account is needed,
and nothing leaves this machine."""

SHORTENED: Final = f"""
Time is shortened: simulated recorders join in 0.2 s (else 2 s) and have files after 1 s (15 s to 60 s); a start is
confirmed after 0.5 s (5 s), and a recorder that cannot be found counts as gone after {GRACE:g} s (90 s)."""

NEXT: Final = """
Now with your own account, which the console at https://console.agora.io shows:

  export RECONCILER_APP_ID=… RECONCILER_CUSTOMER_ID=… RECONCILER_CUSTOMER_SECRET=…
  reconciler doctor         # do these settings work, and can the service be reached?
  $EDITOR manifests/*.yaml  # your channels, your bucket, and which variables hold its keys
  reconciler plan           # what would be done, and why; changes nothing
  reconciler apply          # shows the same, asks, and does it"""

_THREE: Final = ("interviews", "standup", "webinar")
_FOUR: Final = (*_THREE, "townhall")
_LEFT: Final = ("interviews", "standup", "townhall")
_VERTICAL: Final = 2  # mixedVideoLayout


@dataclass(frozen=True, slots=True)
class Step:
    """One chapter. `play` raises UntrueError when what it tells did not happen."""

    title: str
    play: Callable[[Stage], None]


def _declare(stage: Stage) -> None:
    stage.lay_out("storage", *_THREE)
    stage.tell("""The folder manifests/ declares three recordings: standup (everybody in one picture), interviews (a
        file for each speaker) and webinar (a layout of its own). Where their files go is said once, in a profile that
        all three name. This is one of them:""")
    stage.show("standup")
    stage.tell("""apply shows its plan, then acts until what is declared is true. It would ask first; --yes is for
        scripts.""")
    stage.run("apply", "--yes")
    stage.expect_told(acquire=3, start=3)
    stage.prove(_THREE, "Each of the three has exactly one recorder.")


def _look(stage: Stage) -> None:
    stage.tell("""Whatever is done is written down, in a ledger on disk. get reads it and nothing else: it calls nobody,
        so it is quick and costs nothing of Agora's quota.""")
    stage.run("get")
    stage.expect_told()
    said = {one["name"]: one["uid"] for one in stage.answer("get", "-o", "json")}
    live = stage.prove(_THREE, "What get says is what lives: the same recorders, under the same uids.")
    if said != {name: recorder.uid for name, recorder in live.items()}:
        raise UntrueError(f"get says {said}")


def _change(stage: Stage) -> None:
    before = one_for_each(stage.world, _THREE)
    stage.tell("""One line of a manifest changes: standup is to show one speaker large, the others beside. plan says
        what that would do to what is live, and does nothing yet:""")
    stage.edit("standup", "bestFit", "vertical")
    stage.run("plan")
    stage.expect_told()
    stage.tell("""A layout can be changed while the recorder runs. So nothing has to be stopped, one call is enough, and
        the other two are not touched:""")
    stage.run("apply", "--yes")
    stage.expect_told(updateLayout=1)
    after = stage.prove(_THREE, "One updateLayout and no other change. The same recorders go on.")
    if any(after[name].sid != before[name].sid for name in _THREE):
        raise UntrueError("a recorder was replaced, although its layout can be changed in place")
    if (after["standup"].layout or {}).get("mixedVideoLayout") != _VERTICAL:
        raise UntrueError("the layout at Agora is not vertical")


def _crash(stage: Stage) -> None:
    stage.lay_out("townhall")
    stage.never_answer("start", "townhall")
    stage.tell("""The worst moment: a fourth recording is declared, Agora starts its recorder, but its answer does not
        arrive, and our process is killed while it waits. A recorder runs that nobody was told the id of:""")
    stage.crash("apply", "--yes", once=lambda: any(one.channel == "townhall" for one in list(stage.world.recorders)))
    stage.expect_told(acquire=1, start=1)
    lost = stage.prove(_FOUR, "Agora did start it, and we died before we heard of it.")["townhall"]
    stage.tell("""But the intent was on disk before the call went out. Nothing is started blindly now: the very same
        start is repeated, Agora does not carry it out twice, and its answer tells what became of the first:""")
    stage.run("get", "townhall")
    stage.run("apply", "--yes")
    stage.expect_told(start=1)
    found = stage.prove(_FOUR, "Settled by itself: still exactly one recorder of townhall, the one that was lost.")
    if found["townhall"].sid != lost.sid:
        raise UntrueError("townhall has another recorder than the one that was started first")
    stage.tell("""(To be honest: the simulator's answer names the lost recorder, as Agora's own clients expect it, while
        Agora's documents leave it open. Without the name, townhall is shown as Unknown and never started a second time,
        until a webhook or `reconciler import` names it, or it ends by itself.)""")


def _lose(stage: Stage) -> None:
    dead = one_for_each(stage.world, _FOUR)["interviews"]
    stage.kill(dead)
    stage.tell("""The recorder of interviews has just died at Agora, and nobody told us. When it is asked about, Agora
        answers 404. That is doubted at first, because a recorder that moves to another server cannot be found for a
        while either, and must not be doubled:""")
    stage.run("plan", "--refresh", "all")
    stage.expect_told()
    time.sleep(GRACE)
    stage.tell("A moment later it still cannot be found, so it is gone, and apply starts another:")
    stage.run("apply", "--yes")
    stage.expect_told(acquire=1, start=1)
    healed = stage.prove(
        _FOUR,
        f"interviews records again, under its other uid ({dead.uid} before): even if the old recorder came back, "
        "the two would not throw each other out.",
    )
    if healed["interviews"].uid == dead.uid:
        raise UntrueError("the new recorder of interviews has the uid of the dead one")


def _delete(stage: Stage) -> None:
    webinar = one_for_each(stage.world, _FOUR)["webinar"]
    stage.tell("The webinar is over: its manifest goes, and its recorder is stopped.")
    stage.remove("webinar")
    stage.run("delete", "webinar", "--yes")
    stage.expect_told(stop=1)
    stage.prove(_LEFT, "The recorder of webinar is stopped, the other three go on.")
    stage.tell("""History outlives the manifest: files lists what every session has recorded so far, also those of the
        dead recorder and of the stopped one, and where it lies:""")
    stage.run("files")
    listed = [one["uri"] for one in stage.answer("files", "webinar", "-o", "json")]
    missing = [name for name in webinar.files if f"s3://acme-recordings/{name}" not in listed]
    if missing or not webinar.files:
        raise UntrueError(f"files does not list {', '.join(missing) or 'a file of the webinar'}")
    stage.say("\n  Written by the recorder of webinar:", "cyan")
    for uri in listed:
        stage.say(f"    {uri}")
    stage.proved("All that it wrote is listed, with the full address.")


def _rest(stage: Stage) -> None:
    before = one_for_each(stage.world, _LEFT)
    stage.tell("Nothing has changed since. So apply has nothing to do, however often it runs:")
    for _ in range(2):
        stage.run("apply", "--yes")
    stage.expect_told()
    after = stage.prove(_LEFT, "Nothing was started, changed or stopped: a pipeline may apply as often as it likes.")
    if any(after[name].sid != before[name].sid for name in _LEFT):
        raise UntrueError("a recorder was replaced, although nothing had changed")


STEPS: Final = (
    Step("Declare three recordings", _declare),
    Step("See what is known of them", _look),
    Step("Change a layout while it records", _change),
    Step("Crash in the middle of a start", _crash),
    Step("Lose a recorder at Agora", _lose),
    Step("Delete one, and find its files", _delete),
    Step("Apply twice: nothing to do", _rest),
)

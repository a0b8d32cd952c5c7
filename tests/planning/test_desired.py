"""Completing declared recordings: uids (S1), fingerprints (S19), and what is said instead of being ignored."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifests.accept import Declared, accept
from reconciler.manifests.secrets import Policy, SecretMissing
from reconciler.model import Entry, Identity, Key, Secret, Slot
from reconciler.planning.desired import Desired, Ground, desire
from reconciler.planning.slots import derived_uids, given_slots

APP = "a" * 32


def declared(*specs: str) -> tuple[Declared, ...]:
    head = "apiVersion: recordings.reconciler/v1\nkind: Recording\n"
    storage = "storage: {vendor: s3, region: us-east-1, bucket: b, accessKey: {env: ACCESS}, secretKey: {env: SECRET}}"
    documents = [f"{head}metadata: {{name: r{index}}}\nspec: {{{one}{storage}}}\n" for index, one in enumerate(specs)]
    return accept(["-"], stdin="---\n".join(documents).encode(), policy=Policy()).recordings


def completed(*specs: str, entries: dict[Key, Entry] | None = None, **ground: Any) -> tuple[Desired, ...]:
    stands: dict[str, Any] = {
        "set": "default",
        "app_ids": {"default": APP},
        "entries": entries or {},
        "secrets": {},
        "fingerprint_key": b"k" * 32,
        "uid_range": (2_000_000_000, 2_147_483_647),
        **ground,
    }
    return desire(declared(*specs), Ground(**stands))


def uids(one: Desired) -> dict[Slot, str]:
    return {slot: identity.uid for slot, identity in one.slots.items()}


def test_two_uids_are_derived_and_always_the_same() -> None:
    [one], [again] = completed("channel: room, "), completed("channel: room, ")

    assert set(one.slots) == {Slot.A, Slot.B}
    assert one.slots == again.slots
    assert len(set(uids(one).values())) == 2


def test_recordings_of_one_channel_never_share_a_uid() -> None:
    both = completed(*["channel: room, "] * 30, uid_range=(1, 70))

    taken = [uid for one in both for uid in uids(one).values()]
    assert len(taken) == len(set(taken)) == 60


def test_a_uid_of_a_person_that_a_manifest_names_is_not_derived() -> None:
    spec = (
        "channel: room, layout: {type: custom, regions: [{uid: 1, x: 0, y: 0, width: 1, height: 1}]}, "
        "capture: {subscribe: {audio: [2], video: [3]}}, "
    )

    [one] = completed(spec, uid_range=(1, 5))

    assert set(uids(one).values()) == {"4", "5"}


def test_given_uids_are_the_slots_in_their_order() -> None:
    [two], [one], [four] = (
        completed("uid: [7, 9], "),
        completed("uid: 7, "),
        completed("uid: [1, 2, 3, 4], copies: 2, "),
    )

    assert uids(two) == {Slot.A: "7", Slot.B: "9"}
    assert uids(one) == {Slot.A: "7"}
    assert list(uids(four)) == list(Slot)
    assert given_slots((5, 6), 2) == ((Slot.A, 5), (Slot.C, 6))


def test_what_was_used_once_wins_over_another_range_and_is_no_ones_else() -> None:
    used = Identity(APP, "room", "77")
    entries = {Key("default", "r0"): Entry(Key("default", "r0"), uids={Slot.A: used})}

    first, second = completed("channel: room, ", "channel: room, ", entries=entries, uid_range=(77, 80))

    assert first.slots[Slot.A] == used
    assert "77" not in uids(second).values()


def test_another_channel_is_another_identity() -> None:
    used = Identity(APP, "room", "77")
    entries = {Key("default", "r0"): Entry(Key("default", "r0"), uids={Slot.A: used})}

    [one] = completed("channel: hall, ", entries=entries)

    assert used not in one.slots.values()


def test_a_ready_made_token_makes_one_slot_free() -> None:
    [one] = completed("token: {env: TOKEN}, ")
    [two] = completed("token: [{env: TOKEN}, {env: OTHER}], ")

    assert (list(one.slots), list(two.slots)) == ([Slot.A], [Slot.A, Slot.B])


def test_what_is_not_acted_on_is_said() -> None:
    [copies] = completed("copies: 2, ")
    assert [words.split(":")[0] for words in copies.not_acted_on] == ["copies"]


def test_a_secret_that_cannot_be_read_is_said_with_its_place_and_leaves_no_fingerprint() -> None:
    [recording] = declared("")
    ref, other = recording.spec.storage.access_key, recording.spec.storage.secret_key
    missing = SecretMissing(ref, recording.place_of("storage", "accessKey"), "the environment variable X is not set")

    [one] = completed("", secrets={"r0": {ref: missing, other: Secret("hidden value")}})

    assert re.fullmatch(r"<stdin>:\d+:\d+: the environment variable X is not set", one.missing[0])
    assert list(one.wanted.fingerprints) == ["storage.secretKey"]
    assert "hidden value" not in repr(one)


@given(st.text(max_size=20), st.text(max_size=20), st.integers(1, 2**31 - 100))
def test_derived_uids_stay_inside_the_range_and_differ(channel: str, name: str, low: int) -> None:
    taken: set[str] = set()
    found = derived_uids(APP, channel, name, (low, low + 50), taken)

    drawn = [int(next(found)) for _ in range(20)]

    assert len(set(drawn)) == 20
    assert all(low <= uid <= low + 50 for uid in drawn)


def test_the_revision_says_whether_two_desires_are_the_same() -> None:
    [one], [other], [again] = completed("priority: 1, "), completed("priority: 2, "), completed("priority: 1, ")

    assert one.revision == again.revision != other.revision

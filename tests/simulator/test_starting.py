"""From acquire to a recorder in its channel, and what the service refuses on the way."""

import re

from tests.simulator.driver import APP, STORAGE, VIDEO, Handle, driver, recording, web


def test_the_same_seed_gives_the_same_handles_and_another_seed_others() -> None:
    first, again, other = (driver(seed=seed).record() for seed in (1, 1, 2))

    assert first == again
    assert first.sid != other.sid


def test_every_answer_carries_a_request_id_of_its_own() -> None:
    service = driver()
    ids = {service.acquire().headers["X-Request-Id"] for _ in range(3)}

    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)


def test_a_resource_id_is_good_for_five_minutes() -> None:
    service = driver()
    resource_id = service.acquire().body["resourceId"]
    late = service.acquire(uid="2").body["resourceId"]

    assert service.after(300).start(resource_id).status == 200
    assert service.after(1).start(late, uid="2").code == 433


def test_a_resource_id_is_bound_to_app_channel_and_uid() -> None:
    service = driver()
    resource_id = service.acquire().body["resourceId"]

    assert service.start(resource_id, cname="other").code == 432
    assert service.start(resource_id, uid="2").code == 432
    service.app = "f" * 32
    assert service.start(resource_id).code == 432
    assert service.start("unheard").code == 1001


def test_a_start_repeated_with_its_resource_id_is_already_started() -> None:
    service = driver()
    handle = service.record()

    answer = service.start(handle.resource_id)

    assert (answer.status, answer.body) == (201, {"code": 7, "reason": "already started"})
    assert service.live() == 1


def test_already_started_may_carry_the_sid() -> None:
    service = driver(already_started_sid=True)
    handle = service.record()

    answer = service.start(handle.resource_id)

    assert (answer.status, answer.code, answer.body["sid"]) == (201, 7, handle.sid)


def test_already_started_is_said_of_one_that_has_died_while_the_resource_id_is_young() -> None:
    service = driver()
    handle = service.record()
    service.world.kill(service.now, handle.sid)

    assert service.start(handle.resource_id).status == 201
    assert service.after(301).start(handle.resource_id).code == 433


def test_already_started_need_not_be_said_of_one_that_has_died() -> None:
    service = driver(already_started_of_dead=False)
    handle = service.record()
    service.world.kill(service.now, handle.sid)

    assert service.start(handle.resource_id).code == 433


def test_already_started_is_said_of_a_live_one_however_old() -> None:
    service = driver()
    handle = service.record()

    assert service.after(3600).start(handle.resource_id).status == 201


def test_a_second_uid_in_the_channel_is_a_second_recorder() -> None:
    service = driver()
    service.record(uid="1")
    service.record(uid="2")

    assert service.live() == 2


def test_the_same_channel_and_uid_in_another_app_is_no_conflict() -> None:
    service = driver()
    service.record()
    service.app = "f" * 32
    service.record()

    assert service.live() == 2


def test_a_uid_is_still_leaving_for_a_while_after_a_stop() -> None:
    service = driver(conflict_after_stop=10.0)
    service.stop(service.record())

    assert service.after(9).try_start().code == 53
    assert service.after(1).try_start().status == 200


def test_a_killed_recorder_leaves_its_uid_free_at_once() -> None:
    service = driver(conflict_after_stop=10.0)
    service.world.kill(service.now, service.record().sid)

    assert service.try_start().status == 200


def test_status_goes_from_1_to_5() -> None:
    service = driver()
    handle = service.record()

    seen = [service.status(handle)] + [service.after(0.5).status(handle) for _ in range(34)]
    assert sorted(set(seen)) == [1, 2, 3, 4, 5]
    assert seen == sorted(seen)
    assert seen.index(5) == 34


def test_status_stays_4_while_nobody_publishes_and_is_5_a_slice_after_somebody_does() -> None:
    service = driver(channels_occupied=False)
    handle = service.record(recording(maxIdleTime=3600))
    service.join("5", publishing=False)
    assert service.after(60).status(handle) == 4

    service.join("5")

    assert service.after(14).status(handle) == 4
    assert service.after(1).status(handle) == 5


def test_without_room_acquire_says_406_and_start_502() -> None:
    service = driver(max_recorders=1)
    waiting = service.acquire(uid="2").body["resourceId"]
    handle = service.record(uid="1")

    full = service.acquire(uid="3")
    assert (full.status, full.body) == (400, {"code": 406, "reason": "vendor_over_load"})
    refused = service.start(waiting, uid="2")
    assert (refused.status, refused.body) == (500, {"code": 502, "reason": "Failed to allocate worker"})
    service.stop(handle)
    assert service.start(waiting, uid="2").status == 200


def test_room_is_counted_per_app() -> None:
    service = driver(max_recorders=1)
    service.record()
    service.app = "f" * 32

    assert service.try_start().status == 200


def test_a_suspended_app_has_no_active_status() -> None:
    answer = driver(suspended_app_ids=frozenset({APP})).acquire()

    assert (answer.status, answer.body) == (400, {"code": 405, "reason": "no_active_status"})


def test_bad_storage_is_accepted_and_dies_soon() -> None:
    for bad in ({"accessKey": "bad"}, {"bucket": "bad"}):
        service = driver(bad_access_keys=frozenset({"bad"}), bad_buckets=frozenset({"bad"}))
        handle = service.record(recording() | {"storageConfig": STORAGE | bad})

        assert service.after(5).status(handle) == 4
        assert service.after(5).status(handle) == 404
        assert [notice.event_type for notice in service.world.notices] == [40, 1, 11]


def test_a_bad_page_ends_a_web_recording() -> None:
    service = driver(bad_urls=frozenset({"https://example.com/404"}))
    handle = service.record(web(url="https://example.com/404"), "web")

    assert service.after(6).status(handle) == 404
    assert [notice.payload["details"].get("code") for notice in service.world.notices] == [5, None]


def test_mode_and_scene_belong_together_unless_the_option_says_otherwise() -> None:
    statuses = []
    for enforced in (True, False):
        service = driver(scene_enforced=enforced)
        statuses.append(service.start(service.acquire(scene=0).body["resourceId"], web(), "web").status)

    assert statuses == [400, 200]


def test_a_recorder_keeps_what_it_was_started_with() -> None:
    service = driver()
    request = recording(transcodingConfig=VIDEO | {"mixedVideoLayout": 1}) | {"token": "t"}
    handle = service.record(request)

    recorder = service.recorder(handle)
    assert recorder.request == request
    assert (recorder.token, recorder.app_id, recorder.mode) == ("t", APP, "mix")
    assert recorder.layout == {"mixedVideoLayout": 1, "backgroundColor": "#000000"}
    assert (recorder.channel, recorder.uid, recorder.sid) == ("room1", "900001", handle.sid)


def test_calls_are_logged_in_order_with_what_became_of_them() -> None:
    service = driver()
    handle = service.record()
    service.query(handle)
    service.call("GET", "/nowhere")

    calls = [(call.endpoint, call.status, call.code, call.channel, call.uid, call.sid) for call in service.world.calls]
    assert calls == [
        ("acquire", 200, None, "room1", "900001", ""),
        ("start", 200, None, "room1", "900001", handle.sid),
        ("query", 200, None, "room1", "900001", handle.sid),
        ("none", 404, None, "", "", ""),
    ]


def test_an_unheard_handle_is_not_found() -> None:
    service = driver()
    service.record()

    answer = service.query(Handle("r", "s", "mix", "room1", "900001"))

    assert (answer.status, answer.body) == (404, {"code": 404, "reason": "failed to find worker"})

"""What happens to a recorder by itself: idleness, failover, the end of its hours, the end of its handle."""

from tests.simulator.driver import Driver, Handle, driver, recording, web


def test_in_communication_a_silent_user_keeps_a_recorder_alive() -> None:
    service = driver(channels_occupied=False)
    service.join("5", publishing=False)
    handle = service.record(recording(channelType=0, maxIdleTime=10))

    assert service.after(3600).status(handle) == 4


def test_in_the_live_profile_a_silent_user_does_not() -> None:
    service = driver(channels_occupied=False)
    service.join("5", publishing=False)
    handle = service.record(recording(channelType=1, maxIdleTime=10))

    assert service.after(11).status(handle) == 4
    assert service.after(10).status(handle) == 404


def test_idleness_counts_from_the_join_although_nobody_ever_came() -> None:
    service = driver(channels_occupied=False)
    handle = service.record(recording(maxIdleTime=30))
    service.after(100)

    recorder = service.recorder(handle)
    assert recorder.joined_at is not None
    assert (recorder.end_reason, recorder.ended_at) == ("idle", recorder.joined_at + 30)
    assert not recorder.abnormal


def test_idleness_begins_anew_when_somebody_has_been_there() -> None:
    service = driver()
    handle = service.record(recording(maxIdleTime=30))
    service.after(10).leave()
    service.after(29).join("5")
    service.after(1).leave()

    assert service.after(29).live() == 1
    assert service.after(1).live() == 0
    assert service.recorder(handle).end_reason == "idle"


def test_a_recorder_is_no_user_that_keeps_another_alive() -> None:
    service = driver(channels_occupied=False)
    service.record(recording(maxIdleTime=10), uid="1")
    service.record(recording(maxIdleTime=10), uid="2")

    assert service.after(20).live() == 0


def test_a_web_recording_needs_nobody_and_ends_with_its_hours() -> None:
    service = driver(channels_occupied=False)
    handle = service.record(web(maxRecordingHour=1), "web")

    assert service.after(3599).status(handle) == 5
    assert service.after(1).live() == 0


def test_what_was_due_happens_at_its_own_time_however_late_the_world_is_asked() -> None:
    service = driver()
    handle = service.record(recording(maxIdleTime=30))
    service.after(10).leave()
    service.after(86_400)

    recorder = service.recorder(handle)
    assert recorder.ended_at == recorder.started_at + 40
    assert [notice.event_type for notice in service.world.notices] == [40, 4, 41, 31, 11]


def test_a_clock_that_goes_back_undoes_nothing() -> None:
    service = driver()
    handle = service.record()
    service.after(20)

    assert service.status(handle) == 5
    assert service.after(-19).status(handle) == 5


def failed_over(service: Driver, handle: Handle, hidden_for: float = 30) -> None:
    service.world.fail_over(service.now, handle.sid, hidden_for)
    service.after(hidden_for)


def test_during_a_failover_nothing_finds_the_recorder_and_afterwards_all_do() -> None:
    service = driver()
    handle = service.record()
    service.after(20)
    service.world.fail_over(service.now, handle.sid, 90)

    service.after(89)
    assert service.query(handle).status == 404
    assert service.stop(handle).status == 404
    assert service.update(handle).status == 404
    assert service.update_layout(handle).status == 404
    assert service.live() == 1
    assert service.after(1).status(handle) == 5
    assert service.update_layout(handle).status == 200
    assert service.stop(handle).status == 200


def test_a_failover_gives_a_random_uid_tells_it_and_changes_the_files() -> None:
    service = driver()
    handle = service.record()
    failed_over(service.after(20), handle)

    recorder = service.recorder(handle)
    assert recorder.uid == handle.uid != recorder.current_uid
    told = [notice.payload["details"] for notice in service.world.notices if notice.event_type == 12]
    assert told == [{"msgName": "session_failover", "newUid": int(recorder.current_uid)}]
    assert recorder.files == [f"dir/{handle.sid}_room1.m3u8", f"dir/bak0_{handle.sid}_room1.m3u8"]
    assert service.after(15).query(handle).said["fileList"] == f"dir/bak0_{handle.sid}_room1.m3u8"


def test_after_a_failover_the_old_uid_is_no_fence() -> None:
    service = driver()
    handle = service.record()
    failed_over(service, handle)

    assert service.try_start().status == 200
    assert service.live() == 2


def test_during_a_failover_the_option_says_whether_the_uid_is_taken() -> None:
    codes = []
    for conflict in (True, False):
        service = driver(conflict_while_hidden=conflict)
        service.world.fail_over(service.now, service.record().sid, 30)
        codes.append(service.after(5).try_start().code)

    assert codes == [53, None]


def test_the_fourth_failover_is_the_end() -> None:
    service = driver()
    handle = service.record()
    for _ in range(3):
        failed_over(service, handle)
    assert service.live() == 1

    service.world.fail_over(service.now, handle.sid, 5)

    assert service.after(10).status(handle) == 404
    assert service.recorder(handle).failovers == 3
    assert not service.recorder(handle).live


def test_a_recorder_that_fails_over_before_it_joined_joins_afterwards() -> None:
    service = driver()
    handle = service.record()
    failed_over(service.after(1), handle)

    assert service.after(15).status(handle) == 5


def test_a_killed_recorder_is_gone_at_once_and_ends_abnormally() -> None:
    service = driver()
    handle = service.record()
    service.world.kill(service.after(20).now, handle.sid)

    assert service.status(handle) == 404
    assert service.world.notices[-1].payload["details"] == {"msgName": "session_exit", "exitStatus": 1}


def test_a_kicked_recorder_answers_49_while_it_leaves() -> None:
    service = driver()
    handle = service.record()
    service.world.kick(service.after(20).now, "room1", handle.uid)

    assert service.stop(handle).code == 49
    assert service.after(3).stop(handle).code == 404


def test_a_kicked_user_is_out_of_the_channel() -> None:
    service = driver()
    service.record(recording(maxIdleTime=30))
    service.world.kick(service.after(5).now, "room1", "12345")

    assert service.after(30).live() == 0


def test_an_expired_handle_controls_nothing_while_the_recorder_lives_on() -> None:
    service = driver(expired_status=404, expired_code=5)
    resource_id = service.acquire(resourceExpiredHour=1).body["resourceId"]
    handle = Handle(resource_id, service.start(resource_id).body["sid"], "mix", "room1", "900001")
    service.after(3600)

    answers = [service.query(handle), service.update(handle), service.update_layout(handle), service.stop(handle)]
    expected = (404, {"code": 5, "reason": "resourceId exceeded time limit!"})
    assert [(answer.status, answer.body) for answer in answers] == [expected] * 4
    assert service.live() == 1


def test_a_stop_is_404_once_the_recorder_has_left_and_49_before() -> None:
    service = driver(exit_seconds=10)
    handle = service.record(recording(maxIdleTime=30))
    service.leave()

    assert service.after(33).stop(handle).code == 49
    assert service.after(10).stop(handle).code == 404


def test_a_query_on_the_way_out_shows_6_and_7_by_default() -> None:
    service = driver(exit_seconds=4)
    handle = service.record()
    service.stop(handle)

    assert [service.after(1).status(handle) for _ in range(4)] == [6, 7, 7, 404]


def test_a_query_on_the_way_out_may_find_nothing_or_say_501() -> None:
    codes = []
    for option in ("404", "501"):
        service = driver(exiting_query=option)
        handle = service.record()
        service.stop(handle)
        codes.append(service.after(1).query(handle).code)

    assert codes == [404, 501]


def test_a_query_may_see_the_last_status_for_a_moment() -> None:
    service = driver(linger=5)
    stopped, killed = service.record(uid="1"), service.record(uid="2")
    service.stop(stopped)
    service.after(3)
    service.world.kill(service.now, killed.sid)

    assert (service.status(stopped), service.status(killed)) == (8, 20)
    assert service.after(5).status(stopped) == 404


def test_synchronous_stops_wait_for_uploads_up_to_a_limit() -> None:
    answers = []
    for seconds in (4, 21):
        service = driver(upload_seconds=seconds)
        handle = service.record()
        answers.append(service.after(20).stop(handle))

    assert [(answer.status, answer.code, answer.delay) for answer in answers] == [(200, None, 4), (206, 50, 20)]


def test_an_asynchronous_stop_does_not_know_how_the_upload_ends() -> None:
    service = driver()
    handle = service.record()
    answer = service.after(20).stop(handle, async_stop=True)

    assert (answer.said["uploadingStatus"], answer.delay) == ("unknown", 0)


def test_a_stop_with_another_uid_or_channel_is_refused() -> None:
    service = driver()
    handle = service.record()

    assert service.stop(Handle(handle.resource_id, handle.sid, "mix", "room1", "2")).code == 432
    assert service.live() == 1


def test_the_wrong_mode_finds_nothing() -> None:
    service = driver()
    handle = service.record()
    other = Handle(handle.resource_id, handle.sid, "individual", handle.cname, handle.uid)

    assert (service.query(other).code, service.stop(other).code) == (404, 404)
    assert service.live() == 1

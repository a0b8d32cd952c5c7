"""The gateway: routes, credentials, the quota; and the channel lists that lie behind it beside the recording API."""

import base64

import pytest

from tests.simulator.driver import APP, T0, Driver, driver, recording


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", f"/v1/apps/{APP}/cloud_recording/acquire"),
        ("POST", f"/v1/apps/{APP}/cloud_recording/Acquire"),
        ("POST", f"/v1/apps/{APP}/cloud_recording/resourceid/r/mode/raw/start"),
        ("POST", f"/v1/apps/{APP}/cloud_recording/resourceid/r/sid/s/mode/mix/query"),
        ("PUT", f"/v1/apps/{APP}/cloud_recording/resourceid/r/sid/s/mode/mix/stop"),
        ("GET", "/"),
    ],
)
def test_wrong_paths_and_methods_have_no_route(method: str, target: str) -> None:
    answer = driver().call(method, target, {})

    assert (answer.status, answer.body) == (404, {"message": "no Route matched with those values"})


@pytest.mark.parametrize(("option", "statuses"), [("GET", [200, 404]), ("POST", [404, 200]), ("both", [200, 200])])
def test_the_method_of_query_is_an_option(option: str, statuses: list[int]) -> None:
    service = driver(query_method=option)
    handle = service.record()

    assert [service.service(method, f"{handle.path}/query").status for method in ("GET", "POST")] == statuses


def test_without_credentials_nobody_is_let_in() -> None:
    service = driver()
    del service.headers["Authorization"]

    answer = service.acquire()

    assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize("header", ["Bearer x", "Basic !", "Basic", basic("nobody"), basic("me:wrong"), basic("you:")])
def test_wrong_credentials(header: str) -> None:
    service = driver(credentials={"me": "right"})
    service.headers["Authorization"] = header

    answer = service.acquire()

    assert (answer.status, answer.body) == (401, {"message": "Invalid authentication credentials"})


def test_right_credentials() -> None:
    service = driver(credentials={"me": "right"})
    service.headers["Authorization"] = basic("me:right")

    assert service.acquire().status == 200


def passed(service: Driver, times: list[float]) -> list[bool]:
    statuses = []
    for time in times:
        service.now = T0 + time
        statuses.append(service.service("GET", "resourceid/r/sid/s/mode/mix/query").status)
    return [status != 429 for status in statuses]


def test_a_bucket_lets_a_burst_pass_and_then_the_rate() -> None:
    service = driver(rate=10, burst=3)

    assert passed(service, [0, 0, 0, 0, 0.05, 0.1, 0.15, 0.2]) == [True] * 3 + [False, False, True, False, True]


def test_calls_paced_at_the_rate_always_pass() -> None:
    service = driver(rate=10, burst=1)

    assert all(passed(service, [number / 10 for number in range(1000)]))


def test_a_calendar_second_begins_anew() -> None:
    service = driver(rate=2, rate_window="second")

    assert passed(service, [0.8, 0.9, 0.95, 1.0, 1.1, 1.2]) == [True, True, False, True, True, False]


def test_any_span_of_a_second_is_counted() -> None:
    service = driver(rate=2, rate_window="sliding")

    assert passed(service, [0.8, 0.9, 0.95, 1.0, 1.8, 1.85, 1.9]) == [True, True, False, False, True, False, True]


@pytest.mark.parametrize(("scope", "status"), [("app", 200), ("account", 429)])
def test_the_quota_is_counted_per_app_or_account(scope: str, status: int) -> None:
    service = driver(rate=1, burst=1, rate_scope=scope)
    service.acquire()
    service.app = "f" * 32

    assert service.acquire().status == status


def test_addresses_of_the_notification_service() -> None:
    answer = driver().call("GET", "/v1/ncs/ip")

    assert all("primaryIP" in host for host in answer.body["data"]["service"]["hosts"])


def users(service: Driver, tail: str = "") -> dict[str, object]:
    answer = service.call("GET", f"/dev/v1/channel/user/{APP}/room1{tail}")
    assert (answer.status, answer.body["success"]) == (200, True)
    data: dict[str, object] = answer.body["data"]
    return data


def test_a_channel_in_communication_lists_its_users() -> None:
    service = driver(channels_occupied=False)
    assert users(service) == {"channel_exist": False}

    service.join("5")
    service.join("6", publishing=False)

    assert users(service) == {"channel_exist": True, "mode": 1, "total": 2, "users": [5, 6]}


def test_a_live_channel_lists_hosts_and_audience() -> None:
    service = driver(channels_occupied=False, channel_mode=2)
    service.join("5")
    service.join("6", publishing=False)

    hosts = {"channel_exist": True, "mode": 2, "broadcasters": [5]}
    assert users(service) == hosts | {"audience": [6], "audience_total": 1}
    assert users(service, "/hosts_only") == hosts


def test_a_channel_has_the_profile_its_recorder_was_told() -> None:
    service = driver()
    service.record(recording(channelType=1))

    assert users(service.after(5))["mode"] == 2


def test_channels_come_in_pages() -> None:
    service = driver(channels_occupied=False)
    for number in range(3):
        service.join("5", f"room{number}")
    service.leave(cname="room1")

    pages = [service.call("GET", f"/dev/v1/channel/{APP}?page_no={n}&page_size=1").body["data"] for n in range(3)]
    assert [page["channels"] for page in pages] == [
        [{"channel_name": "room0", "user_count": 1}],
        [{"channel_name": "room2", "user_count": 1}],
        [],
    ]
    assert {page["total_size"] for page in pages} == {2}


@pytest.mark.parametrize("asked", ["page_size=0", "page_size=501", "page_no=-1", "page_no=x"])
def test_a_bad_page_is_refused(asked: str) -> None:
    answer = driver().call("GET", f"/dev/v1/channel/{APP}?{asked}")

    assert (answer.status, set(answer.body)) == (400, {"message"})


@pytest.mark.parametrize(("listed", "expected"), [("no", [5]), ("yes", [5, 900001])])
def test_recorders_count_among_the_users_by_option(listed: str, expected: list[int]) -> None:
    service = driver(channels_occupied=False, recorders_listed=listed == "yes")
    service.join("5")
    service.record()

    assert users(service.after(5))["users"] == expected


def test_an_occupied_channel_is_listed_once_it_is_recorded() -> None:
    service = driver()
    service.record()

    answer = service.call("GET", f"/dev/v1/channel/{APP}")
    assert answer.body["data"]["channels"] == [{"channel_name": "room1", "user_count": 1}]

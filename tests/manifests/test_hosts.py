"""Which hosts an address may name."""

import pytest

from reconciler.manifests.hosts import api_problem, host_problem, is_loopback, page_problem


@pytest.mark.parametrize(
    "host", ["s3.example.com", "a-b.c.example", "8.8.8.8", "2001:4860:4860::8888", "s3.example.com."]
)
def test_public_hosts(host: str) -> None:
    assert host_problem(host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0", "0x7f.1", "2130706433", "0.0.0.0", "::1", "::", "[::1]", "::ffff:127.0.0.1"),
        *("10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "fe80::1", "fc00::1", "224.0.0.1"),
        *(
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "storage",
        ),
        *("", ".", "a..b", "-a.example.com", "a b.example.com", "example.com:443", "example.com/x", "ex\u00e4mple.com"),
    ],
)
def test_other_hosts(host: str) -> None:
    assert host_problem(host) is not None


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://api.agora.io",
            "https://api.sd-rtn.com/",
            "https://API.AGORA.IO",
            "https://api-us-west-1.agora.io:443",
        ),
        *("http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787", "https://ours.example.com"),
    ],
)
def test_addresses_that_may_see_credentials(url: str) -> None:
    assert api_problem(url, {"ours.example.com"}) is None


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://api.agora.io",
            "https://agora.io.example.com",
            "https://example.com#.agora.io",
            "https://notagora.io",
        ),
        *("https://api.agora.io@example.com", "https://example.com\\.agora.io", "https://example.com\t.agora.io"),
        *("//api.agora.io", "api.agora.io", "https://", "", "https://api.agora.io:x", "https://api.agora.io?x=1"),
        *(
            "https://[::1",
            "http://127.0.0.1.example.com",
            "http://0x7f.1",
            "http://10.0.0.1",
            "http://ours.example.com",
        ),
    ],
)
def test_addresses_that_may_not(url: str) -> None:
    assert api_problem(url, {"ours.example.com"}) is not None


def test_where_a_page_is_sent() -> None:
    schemes = ("rtmp", "rtmps")
    assert page_problem("rtmps://live.example.com/app/hunter2", schemes) is None
    for url in (
        "https://live.example.com/x",
        "rtmp://10.0.0.1/hunter2",
        "rtmp://me:hunter2@live.example.com/x",
        "hunter2",
    ):
        problem = page_problem(url, schemes)
        assert problem is not None
        assert "hunter2" not in problem


def test_only_what_is_certainly_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.255.0.1", "::1")))
    assert not any(map(is_loopback, ("localhost.example.com", "10.0.0.1", "0.0.0.0", "", "loopback")))

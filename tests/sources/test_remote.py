"""What may be asked of a repository, and what of its address is shown."""

import pytest

from reconciler.sources.remote import Branch, Commit, Head, Remote, Tag, Wanted, masked, remote_problem, shown_url

FINE = (
    "https://github.com/org/repo.git",
    "ssh://git@github.com/org/repo",
    "git@github.com:org/repo.git",
    "git://example.com/repo",
    "file:///srv/repo",
    "/srv/repo",
    "../repo",
    "https://[::1]:8080/repo",
)


@pytest.mark.parametrize("url", FINE)
def test_addresses_as_git_has_them_are_taken(url: str) -> None:
    assert remote_problem(Remote(url)) is None


@pytest.mark.parametrize("url", ["", "-x", "--upload-pack=x", "ext::sh -c x", "a+b::x", "https://x/\n-y", "fd::17"])
def test_what_is_no_address_is_refused(url: str) -> None:
    assert str(remote_problem(Remote(url))).startswith("--git takes ")


@pytest.mark.parametrize("name", ["main", "feature/x", "v1.0", "ü", "-x", "a@b"])
def test_names_as_git_has_them_are_taken(name: str) -> None:
    assert remote_problem(Remote("/r", Branch(name))) is None
    assert remote_problem(Remote("/r", Tag(name))) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a:b",
        "a..b",
        "*",
        "a^",
        "a~1",
        "a?",
        "[a",
        "a\\b",
        "a@{1}",
        "/a",
        "a/",
        "a//b",
        "a.lock",
        "a\n",
        "a.",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    assert str(remote_problem(Remote("/r", Branch(name)))).startswith("--branch takes ")
    assert str(remote_problem(Remote("/r", Tag(name)))).startswith("--tag takes ")


@pytest.mark.parametrize("id", ["", "abc", "A" * 40, "a" * 41, "g" * 40])
def test_a_commit_is_named_whole(id: str) -> None:  # noqa: A002 - the field's name
    assert remote_problem(Remote("/r", Commit("a" * 40))) is None
    assert remote_problem(Remote("/r", Commit("0" * 64))) is None
    assert str(remote_problem(Remote("/r", Commit(id)))).startswith("--commit takes ")


@pytest.mark.parametrize("path", ["/a", "..", "a/../b", "a/..", "a\nb"])
def test_a_path_stays_inside(path: str) -> None:
    assert remote_problem(Remote("/r", path="a..b/./c")) is None
    assert str(remote_problem(Remote("/r", path=path))).startswith("--path takes ")


@pytest.mark.parametrize(
    ("url", "wanted", "name"),
    [
        ("https://me:hunter2@host/repo", Branch("main"), "git https://host/repo (main)"),
        ("https://token@host:8443/a/b.git?x=hunter2#hunter2", Tag("v1"), "git https://host:8443/a/b.git (v1)"),
        ("ssh://git@host/repo", Head(), "git ssh://host/repo (HEAD)"),
        ("git@host:org/repo", Commit("abcdef012345" + "0" * 28), "git git@host:org/repo (abcdef012345)"),
        ("/srv/repo", Head(), "git /srv/repo (HEAD)"),
    ],
)
def test_a_source_is_called_by_its_address_without_credentials(url: str, wanted: Wanted, name: str) -> None:
    assert Remote(url, wanted).name == name


@pytest.mark.parametrize(
    ("url", "text", "shown"),
    [
        ("https://me:hunter2@host/r", "at https://me:hunter2@host/r: hunter2", "at https://****@host/r: ****"),
        ("https://me:hunt%65r2@host/r", "hunter2 hunt%65r2 me", "**** **** me"),
        ("https://ghp_x1y2@host/r", "user ghp_x1y2", "user ****"),
        ("https://host/r?key=hunter2", "https://host/r?key=hunter2", "https://host/r?****"),
        ("ssh://deploy@host/r", "deploy was refused by ssh://deploy@host/r", "deploy was refused by ssh://****@host/r"),
        ("/r", "redirected to https://you:hunter2@other/", "redirected to https://****@other/"),
        ("https://[bad/r", "https://a:hunter2@b", "https://****@b"),
        ("https://me:abc@host/r", "abc", "abc"),
    ],
)
def test_credentials_are_masked_wherever_they_are_repeated(url: str, text: str, shown: str) -> None:
    assert masked(text, url) == shown


def test_what_is_cut_off_an_address_is_never_its_host() -> None:
    assert shown_url("https://host") == "https://host"
    assert shown_url("https://a@b@host/x@y") == "https://host/x@y"

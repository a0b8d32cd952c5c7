"""The ways to deploy that are shown: what they set is a setting, what they start exists, and they agree."""

import re
import shlex
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from reconciler import __version__
from reconciler.cli.root import root
from reconciler.cli.terminal import Here
from reconciler.manifests.accept import accept
from reconciler.manifests.secrets import read_secret, secret_references
from reconciler.model import Secret
from reconciler.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "examples" / "deploy"
MANIFEST = DEPLOY / "manifests" / "standup.yaml"
DOCUMENTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8")))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
UNIT = (DEPLOY / "reconciler.service").read_text("utf-8")
APP_ID = "0123456789abcdef0123456789abcdef"


def document(kind: str) -> dict[str, Any]:
    [found] = [one for one in DOCUMENTS if one["kind"] == kind]
    assert isinstance(found, dict)
    return found


def pod() -> dict[str, Any]:
    spec = document("Deployment")["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def container() -> dict[str, Any]:
    [only] = pod()["containers"]
    assert isinstance(only, dict)
    return only


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def instructions(name: str) -> list[str]:
    return [" ".join(text.split()) for text in re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)]


def environ_of_kubernetes() -> dict[str, str]:
    return {one["name"]: one["value"] for one in container()["env"]}


def environ_of_unit() -> dict[str, str]:
    return dict(text.partition("=")[::2] for text in directives("Environment"))


def environ_of_image() -> dict[str, str]:
    return dict(word.partition("=")[::2] for text in instructions("ENV") for word in shlex.split(text))


ENVIRONS = {"kubernetes": environ_of_kubernetes(), "systemd": environ_of_unit(), "docker": environ_of_image()}


@pytest.mark.parametrize("file", sorted(path for path in DEPLOY.iterdir() if path.is_file()), ids=lambda one: one.name)
def test_every_setting_exists(file: Path) -> None:
    known = {f"RECONCILER_{field.upper()}" for field in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}

    assert set(re.findall(r"\bRECONCILER_[A-Z_]+\b", file.read_text("utf-8"))) <= known


def secrets_in(folder: Path) -> Path:
    """Make the files of secrets, as each of the three has them."""
    for name in document("Secret")["stringData"]:
        (folder / name).write_text(f"value-of-{name}\n", "utf-8")
    return folder


@pytest.mark.parametrize("way", ENVIRONS)
def test_the_settings_are_accepted_and_the_secrets_are_found(way: str, tmp_path: Path) -> None:
    secrets = secrets_in(tmp_path)
    environ = {"RECONCILER_APP_ID": APP_ID}  # what is left to the user, with what the README tells to say
    if way == "docker":
        readme = (DEPLOY / "README.md").read_text("utf-8")
        environ |= dict(re.findall(r"^(RECONCILER_\w+_FILE)=(\S+)$", readme, re.MULTILINE))
    environ |= ENVIRONS[way]
    for specifier, folder in (("%d", str(secrets)), ("%S", "/var/lib"), ("/run/secrets", str(secrets))):
        environ = {name: value.replace(specifier, folder) for name, value in environ.items()}
    settings = load_settings(environ, tmp_path)

    assert settings.customer_id == Secret("value-of-customer-id")
    assert settings.customer_secret == Secret("value-of-customer-secret")
    assert settings.state == "sqlite:////var/lib/reconciler/ledger.db"
    manifests = accept([str(MANIFEST)], policy=settings.policy())
    read = {
        read_secret(ref, place=one.place, policy=settings.policy(), environ=environ)
        for one in manifests.recordings
        for _, ref in secret_references(one.spec)
    }
    assert read == {Secret("value-of-storage-access-key"), Secret("value-of-storage-secret-key")}


def command_lines() -> Iterator[list[str]]:
    [entry], [image] = instructions("ENTRYPOINT"), instructions("CMD")
    yield [*yaml.safe_load(entry), *yaml.safe_load(image)]
    yield ["reconciler", *container()["args"]]
    [start] = directives("ExecStart")
    yield shlex.split(start)


@pytest.mark.parametrize("line", list(command_lines()), ids=" ".join)
def test_what_is_started_is_the_daemon(line: list[str]) -> None:
    program, name, *arguments = line
    assert Path(program).name == "reconciler"
    assert name == "run"
    with click.Context(root, obj=Here({}, Path())) as parent:
        command = root.get_command(parent, name)
        assert command is not None
        assert command.make_context(name, list(arguments), parent=parent).params["paths"] == (arguments[0],)


# -- Kubernetes


def test_there_is_never_a_second_daemon_on_the_ledger() -> None:
    spec = document("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_what_is_mounted_is_there() -> None:
    volumes = {one["name"]: one for one in pod()["volumes"]}
    mounted = {one["mountPath"]: volumes.pop(one["name"]) for one in container()["volumeMounts"]}

    assert volumes == {}
    claim = mounted["/var/lib/reconciler"]["persistentVolumeClaim"]["claimName"]
    assert claim == document("PersistentVolumeClaim")["metadata"]["name"]
    assert mounted["/manifests"]["configMap"]["name"] == document("ConfigMap")["metadata"]["name"]
    assert mounted["/run/secrets"]["secret"]["secretName"] == document("Secret")["metadata"]["name"]
    labels = document("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert document("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert document("Service")["spec"]["selector"] == labels


def test_nobody_but_the_daemon_reads_the_secrets() -> None:
    [secret] = [one["secret"] for one in pod()["volumes"] if "secret" in one]
    assert not secret["defaultMode"] & stat.S_IRWXO
    assert pod()["securityContext"]["fsGroup"] == pod()["securityContext"]["runAsUser"] == 10001
    assert pod()["automountServiceAccountToken"] is False


def test_the_probes_ask_where_the_daemon_listens() -> None:
    settings = load_settings({"RECONCILER_LISTEN": environ_of_kubernetes()["RECONCILER_LISTEN"]}, Path("/nowhere"))
    [port] = container()["ports"]

    assert port["containerPort"] == settings.listen.port == document("Service")["spec"]["ports"][0]["port"]
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container()[probe]["httpGet"] == {"path": path, "port": port["name"]}


def test_the_container_may_do_little_and_take_little() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] is True
    context = container()["securityContext"]
    assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container()["resources"]["limits"] == {"memory": "256Mi"}
    assert container()["image"].partition(":")[2] == __version__


def test_the_manifests_of_the_config_map_are_those_beside_it() -> None:
    _, _, said = MANIFEST.read_text("utf-8").partition("apiVersion:")
    assert document("ConfigMap")["data"] == {"standup.yaml": f"apiVersion:{said}"}


# -- Docker


def test_the_image_holds_what_the_package_is_built_from() -> None:
    sources = [word for text in instructions("COPY") if "--from" not in text for word in text.split()[:-1]]
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]

    assert sorted(sources) == sorted(let_in)
    assert "*" in lines
    assert all((ROOT / source).exists() for source in sources)
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(package["packages"]) <= set(sources)


def test_the_container_is_nobody_and_its_ledger_is_a_volume() -> None:
    assert instructions("USER") == ["10001:10001"]
    state = environ_of_image()["RECONCILER_STATE"].removeprefix("sqlite:///")
    assert instructions("VOLUME") == [str(Path(state).parent)]
    assert instructions("ENTRYPOINT") == ['["reconciler"]']


def test_the_health_check_asks_the_default_address() -> None:
    [check] = instructions("HEALTHCHECK")
    program = yaml.safe_load(check.partition("CMD ")[2])[2]
    listen = Settings().listen

    compile(program, "health check", "exec")
    assert f"http://{listen.host}:{listen.port}/healthz" in program


# -- systemd


def test_the_service_is_watched_and_ended_as_the_daemon_expects() -> None:
    said = {
        name: directives(name)[0] for name in ("Type", "KillSignal", "WatchdogSec", "TimeoutStopSec", "DynamicUser")
    }
    assert said["Type"] == "notify"
    assert said["KillSignal"] == "SIGTERM"
    assert int(said["WatchdogSec"]) >= 30
    assert int(said["TimeoutStopSec"]) >= 10
    assert said["DynamicUser"] == "yes"
    assert directives("StateDirectory") == ["reconciler"]


def test_every_credential_is_loaded_and_used() -> None:
    loaded = {text.partition(":")[0] for text in directives("LoadCredential")}
    assert loaded == set(document("Secret")["stringData"])
    assert {value for value in environ_of_unit().values() if fnmatchcase(value, "%d*")} == {
        *("%d", "%d/customer-id", "%d/customer-secret"),
    }


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # The program is where this machine has one.
    unit = tmp_path / "reconciler.service"
    unit.write_text(UNIT.replace("/opt/reconciler/bin/reconciler", "/bin/true"), "utf-8")
    answer = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")

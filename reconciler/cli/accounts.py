"""From App manifests and settings to accounts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from reconciler.errors import Fault, ManifestError, SettingsError
from reconciler.intake.values import Values, steps
from reconciler.manifests.accept import ManifestSet
from reconciler.manifests.hosts import is_loopback, split_url
from reconciler.manifests.schema import AppSpec
from reconciler.manifests.secrets import SecretMissing, secret_references
from reconciler.model import Secret
from reconciler.settings import Settings

DEFAULT_APP = "default"
UNKNOWN_APP_ID = "0" * 32


@dataclass(frozen=True, slots=True)
class Account:
    """An App ID with what it takes to call for it."""

    app_id: str
    customer_id: str
    customer_secret: Secret
    urls: tuple[str, ...]
    qps: float
    max_recorders: int | None


def app_ids(manifests: ManifestSet, settings: Settings) -> dict[str, str]:
    """Tell the App ID of every app the manifests may name; no credentials are needed for it.

    Raises:
        SettingsError: a recording uses the app `default`, and neither a manifest nor the settings say which it is.
    """
    found = {name: spec.app_id for name, spec in manifests.apps.items()}
    if DEFAULT_APP not in found and settings.app_id:
        found[DEFAULT_APP] = settings.app_id
    if DEFAULT_APP not in found and any(one.spec.app == DEFAULT_APP for one in manifests.recordings):
        raise SettingsError(
            "RECONCILER_APP_ID is not set, and no App named `default` is among the manifests. "
            "Set it with RECONCILER_CUSTOMER_ID and RECONCILER_CUSTOMER_SECRET, or try without an account: "
            "reconciler simulate -- reconciler apply --yes"
        )
    return found


def offline_app_ids(manifests: ManifestSet, settings: Settings) -> dict[str, str]:
    """Tell the same where nobody is called: an App ID that is not known is only what uids are derived from."""
    return app_ids(manifests, settings.model_copy(update={"app_id": settings.app_id or UNKNOWN_APP_ID}))


def accounts(needed: frozenset[str], manifests: ManifestSet, settings: Settings, values: Values) -> dict[str, Account]:
    """Complete the accounts of the needed App IDs. Those that neither manifests nor settings know are left out.

    Raises:
        ManifestError: an App's references cannot be read.
        SettingsError: the settings' own account is incomplete.
    """
    found: dict[str, Account] = {}
    faults: list[Fault] = []
    for name, spec in manifests.apps.items():
        account = _from_manifest(name, spec, manifests, settings, values, faults) if spec.app_id in needed else None
        if account is not None:
            found[account.app_id] = account
    if faults:
        raise ManifestError(tuple(sorted(faults)))
    if settings.app_id in needed and settings.app_id not in found:
        found[settings.app_id] = _from_settings(settings, settings.app_id)
    return found


def _from_manifest(
    name: str,
    spec: AppSpec,
    manifests: ManifestSet,
    settings: Settings,
    values: Values,
    faults: list[Fault],
) -> Account | None:
    read: dict[str, Secret] = {}
    for path, ref in secret_references(spec):
        value = values.read(ref, manifests.app_place(name, *steps(path)))
        if isinstance(value, SecretMissing):
            faults.append(Fault(value.place, f"App {name}: {path}: {value.why}"))
        else:
            read[path] = value
    if {"customerId", "customerSecret"} - read.keys():
        return None
    return Account(
        app_id=spec.app_id,
        customer_id=read["customerId"].reveal(),
        customer_secret=read["customerSecret"],
        urls=spec.api_url or settings.api_url,
        qps=spec.qps or settings.qps,
        max_recorders=spec.max_recorders or settings.max_recorders,
    )


def _from_settings(settings: Settings, app_id: str) -> Account:
    customer_id, customer_secret = settings.customer_id, settings.customer_secret
    if customer_id is None or customer_secret is None:
        missing = " and ".join(
            name
            for name, value in (
                ("RECONCILER_CUSTOMER_ID", customer_id),
                ("RECONCILER_CUSTOMER_SECRET", customer_secret),
            )
            if value is None
        )
        raise SettingsError(f"{missing} not set: the service cannot be asked without credentials")
    return Account(
        app_id=app_id,
        customer_id=customer_id.reveal(),
        customer_secret=customer_secret,
        urls=settings.api_url,
        qps=settings.qps,
        max_recorders=settings.max_recorders,
    )


def service_of(found: Iterable[Account], settings: Settings) -> Literal["agora", "simulator"]:
    """Tell whom the accounts are at, since a ledger belongs to one service: what runs on this machine is a simulator.

    Raises:
        SettingsError: some are at a simulator and some are not, or RECONCILER_API_URL says otherwise.
    """
    kinds: set[Literal["agora", "simulator"]] = {
        "simulator" if is_loopback((split_url(url) or urlsplit("")).hostname or "") else "agora"
        for account in found
        for url in account.urls
    }
    if "api_url" in settings.model_fields_set:
        kinds.add(settings.service_kind)
    if len(kinds) > 1:
        raise SettingsError(
            "an App's apiUrl and RECONCILER_API_URL, or two Apps, do not agree: one is Agora and one a simulator on "
            "this machine. Use a ledger and a set for each"
        )
    return kinds.pop()

"""Where the files go: the fields, which regions each vendor has, and their numbers at the service."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StrictStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from reconciler.manifests.values import Part, SecretRef, Text, UnixSeconds, Vendor, nearest, refuse


def _numbered(names: str) -> dict[str, int]:
    """Give the names their numbers, from 0 on; `-` stands for a number the service does not give out."""
    return {name: number for number, name in enumerate(names.split()) if name != "-"}


# Source: the service's region tables, with the numbers that only its older page lists (17, 23, 28 of S3, 0 of Baidu).
REGIONS: Mapping[str, Mapping[str, int]] = {
    "s3": _numbered(
        "us-east-1 us-east-2 us-west-1 us-west-2 eu-west-1 eu-west-2 eu-west-3 eu-central-1 ap-southeast-1"
        " ap-southeast-2 ap-northeast-1 ap-northeast-2 sa-east-1 ca-central-1 ap-south-1 cn-north-1 cn-northwest-1"
        " us-gov-west-1 af-south-1 ap-east-1 ap-northeast-3 eu-north-1 me-south-1 us-gov-east-1 ap-southeast-3"
        " eu-south-1 - - il-central-1"
    ),
    "aliyun": _numbered(
        "cn-hangzhou cn-shanghai cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote cn-shenzhen cn-hongkong us-west-1"
        " us-east-1 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-5 ap-northeast-1 ap-south-1 eu-central-1"
        " eu-west-1 eu-east-1 ap-southeast-6 cn-heyuan cn-guangzhou cn-chengdu cn-nanjing cn-fuzhou cn-wulanchabu"
        " cn-northeast-2 cn-southeast-7"
    ),
    "tencent": _numbered(
        "ap-beijing-1 ap-beijing ap-shanghai ap-guangzhou ap-chengdu ap-chongqing ap-shenzhen-fsi ap-shanghai-fsi"
        " ap-beijing-fsi ap-hongkong ap-singapore ap-mumbai ap-seoul ap-bangkok ap-tokyo na-siliconvalley na-ashburn"
        " na-toronto eu-frankfurt eu-moscow"
    ),
    "azure": {},
    "gcs": {},
    "huawei": _numbered(
        "cn-north-1 cn-north-4 cn-east-2 cn-east-3 cn-south-1 cn-southwest-2 ap-southeast-1 ap-southeast-2"
        " ap-southeast-3 af-south-1 sa-argentina-1 sa-peru-1 na-mexico-1 sa-brazil-1 la-south-2 sa-chile-1"
    ),
    "baidu": _numbered("beijing baoding suzhou guangzhou hongkong singapore wuhan shanghai"),
    "s3compatible": {},
}


def region_number(vendor: str, region: str | None) -> int:
    """Say the service's number for a region that was accepted; vendors without regions take 0."""
    return 0 if region is None else REGIONS[vendor][region]


def region_name(vendor: str, region: str | int) -> str | None:
    """Find the one name we use for what was written (any case, `_` for `-`, or the number); None if there is none."""
    if isinstance(region, int):
        return next((name for name, number in REGIONS[vendor].items() if number == region), None)
    plain = region.lower().replace("_", "-")
    return plain if plain in REGIONS[vendor] else None


def suggestion(vendor: str, region: str | int) -> str:
    """Say what may have been meant, or what there is."""
    near = nearest(str(region).replace("_", "-"), REGIONS[vendor])
    if near:
        return f"; did you mean {near}?"
    owner = next((other for other in REGIONS if region_name(other, region) and isinstance(region, str)), None)
    return f", but of {owner}" if owner else f"; it has {', '.join(REGIONS[vendor])}"


class Storage(Part):
    vendor: Vendor
    # None exactly where the vendor has no regions.
    region: str | None = Field(default=None, validate_default=True)
    bucket: Annotated[StrictStr, Field(pattern=r"^[^\s/]{1,255}$")]
    prefix: tuple[Text, ...] = ()
    access_key: SecretRef
    secret_key: SecretRef
    sts_token: SecretRef | None = None
    sts_expiration: UnixSeconds | None = None
    endpoint: Text | None = None
    sse: Literal["kms", "aes256"] | None = None
    tag: Annotated[StrictStr, Field(min_length=1, max_length=1024)] | None = None

    @field_validator("region", mode="before", json_schema_input_type=str | int | None)
    @classmethod
    def _one_name(cls, value: object, info: ValidationInfo) -> str | None:
        vendor = info.data.get("vendor")
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise refuse("must be the vendor's own name of a region, or its number at the service")
        if vendor is None:
            return None
        return _region_of(vendor, value)


def _region_of(vendor: str, value: str | int | None) -> str | None:
    names = REGIONS[vendor]
    if not names:
        if value is None or value == 0:
            return None
        raise refuse(f"does not apply to {vendor}, the service ignores it: leave it out")
    if value is None:
        raise PydanticCustomError(
            "needed", "is missing: {vendor} needs one, such as {name}", {"vendor": vendor, "name": next(iter(names))}
        )
    name = region_name(vendor, value)
    if name is None:
        raise refuse(f"is no region of {vendor}{suggestion(vendor, value)}")
    return name

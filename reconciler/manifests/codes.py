"""The names manifests use for the numbers of the service; only tables, and both directions read them."""

from collections.abc import Mapping

CHANNEL_TYPES: Mapping[str, int] = {"communication": 0, "live": 1}
STREAM_TYPES: Mapping[str, int] = {"audio": 0, "video": 1, "both": 2}
VIDEO_QUALITIES: Mapping[str, int] = {"high": 0, "low": 1}
LAYOUT_TYPES: Mapping[str, int] = {"floating": 0, "bestFit": 1, "vertical": 2, "custom": 3}
FITS: Mapping[str, int] = {"crop": 0, "contain": 1}
ENCRYPTION_MODES: Mapping[str, int] = {
    "aes-128-xts": 1,
    "aes-128-ecb": 2,
    "aes-256-xts": 3,
    "sm4-128-ecb": 4,
    "aes-128-gcm": 5,
    "aes-256-gcm": 6,
    "aes-128-gcm2": 7,
    "aes-256-gcm2": 8,
}
VENDORS: Mapping[str, int] = {
    "s3": 1,
    "aliyun": 2,
    "tencent": 3,
    "azure": 5,
    "gcs": 6,
    "huawei": 7,
    "baidu": 8,
    "s3compatible": 11,
}

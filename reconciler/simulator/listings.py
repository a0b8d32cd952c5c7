"""The channel lists of the RTC API (§12), with or without recorders among the users."""

from typing import Any

from reconciler.simulator.fleet import Fleet
from reconciler.simulator.refusal import gateway
from reconciler.simulator.routes import Route

_MAX_AUDIENCE = 10_000


def channel_page(fleet: Fleet, route: Route) -> dict[str, Any]:
    """One page of the channels that somebody is in."""
    asked = dict(route.asked)
    try:
        page, size = int(asked.get("page_no", "0")), int(asked.get("page_size", "100"))
    except ValueError:
        raise gateway(400, "invalid page_no or page_size") from None
    if page < 0 or not 1 <= size <= 500:
        raise gateway(400, "invalid page_no or page_size")
    counted = [(name, len(_members(fleet, route.app_id, name))) for name in sorted(fleet.channels.names())]
    present = [{"channel_name": name, "user_count": count} for name, count in counted if count]
    shown = present[page * size : (page + 1) * size]
    return {"success": True, "data": {"channels": shown, "total_size": len(present)}}


def user_list(fleet: Fleet, route: Route) -> dict[str, Any]:
    """Who is in one channel, by its profile."""
    members = _members(fleet, route.app_id, route.channel)
    if not members:
        return {"success": True, "data": {"channel_exist": False}}
    if _mode(fleet, route) == 1 and route.endpoint == "users":
        users = [int(uid) for uid in members]
        return {"success": True, "data": {"channel_exist": True, "mode": 1, "total": len(users), "users": users}}
    hosts = [int(uid) for uid, publishing in members.items() if publishing]
    data: dict[str, Any] = {"channel_exist": True, "mode": 2, "broadcasters": hosts}
    if route.endpoint == "users":
        audience = [int(uid) for uid, publishing in members.items() if not publishing]
        data |= {"audience": audience[:_MAX_AUDIENCE], "audience_total": len(audience)}
    return {"success": True, "data": data}


def _members(fleet: Fleet, app_id: str, channel: str) -> dict[str, bool]:
    members = dict(fleet.channels.users(channel))
    if fleet.options.recorders_listed:
        members |= {recorder.current_uid: False for recorder in fleet.in_channel(app_id, channel)}
    return members


def _mode(fleet: Fleet, route: Route) -> int:
    """Give a channel the profile its recorders were told; without one, that of the options."""
    for recorder in fleet.in_channel(route.app_id, route.channel):
        return 2 if recorder.recording.get("channelType", 0) == 1 else 1
    return fleet.options.channel_mode

"""People who use Access: users, their sessions, and the seats that they take."""

from typing import Any

from sandbox.clock import now
from sandbox.state import AccessUser, LoginSession

from ..envelope import Answer, seconds
from .access_bodies import checked, enabled, invalid, not_found
from .paging import Paging
from .routing import Call, Kind, Routes

routes = Routes()

_USERS = "/accounts/{account_id}/access/users"
_USER = f"{_USERS}/{{user_id}}"
_SESSIONS = f"{_USER}/active_sessions"
_PAGING = Paging(default=1000, minimum=1, maximum=1000)
_SEAT: dict[str, Kind] = {"seat_uid": str, "access_seat": bool, "gateway_seat": bool}


@routes.get(_USERS)
async def list_users(call: Call) -> Answer:
    """List the users that match the query."""
    email, name = call.query.get("email"), call.query.get("name")
    part = call.query.get("search", "").lower()
    users = [
        user
        for user in enabled(call).people.users.values()
        if email in (None, user.email)
        and name in (None, user.name)
        and part in f"{user.email}\n{user.name}".lower()
    ]
    return _PAGING.answer(call.query, users, _user_json)


@routes.get(_USER)
async def get_user(call: Call) -> Answer:
    """Return one user."""
    return Answer(_user_json(_user(call)))


@routes.get(_SESSIONS)
async def list_active_sessions(call: Call) -> Answer:
    """List the sessions of a user that have not ended."""
    return Answer([_session_json(each) for each in _active(call)])


@routes.get(f"{_SESSIONS}/{{nonce}}")
async def get_active_session(call: Call) -> Answer:
    """Return one session of a user."""
    for session in _active(call):
        if session.nonce == call.ids["nonce"]:
            return Answer(_session_details(call, session))
    raise not_found()


@routes.patch("/accounts/{account_id}/access/seats")
async def edit_seats(call: Call) -> Answer:
    """Free the seats of users."""
    if not isinstance(call.body, list):
        raise invalid("malformed body")
    seats = [checked(each, _SEAT, frozenset()) for each in call.body]
    by_seat = {user.seat_uid: user for user in enabled(call).people.users.values()}
    for seat in seats:
        # GUESS: the texts, and that seats can only be freed.
        if seat.keys() != _SEAT.keys() or seat["access_seat"] or seat["gateway_seat"]:
            raise invalid("access_seat and gateway_seat must both be false")
        if seat["seat_uid"] not in by_seat:
            raise not_found()
    freed = [by_seat[seat["seat_uid"]] for seat in seats]
    for user in freed:
        user.access_seat, user.gateway_seat, user.updated_at = False, False, now()
    return Answer([_seat_json(user) for user in freed])


def _user(call: Call) -> AccessUser:
    user = enabled(call).people.users.get(call.ids["user_id"])
    if user is None:
        raise not_found()
    return user


def _active(call: Call) -> list[LoginSession]:
    user = _user(call)
    sessions = enabled(call).people.sessions.values()
    return [each for each in sessions if each.user_id == user.id and each.lives()]


def _user_json(user: AccessUser) -> dict[str, Any]:
    last = user.last_successful_login
    body = {
        "id": user.id,
        "uid": user.id,
        "email": user.email,
        "name": user.name,
        "access_seat": user.access_seat,
        "gateway_seat": user.gateway_seat,
        "seat_uid": user.seat_uid,
        "active_device_count": 0,
        "created_at": seconds(user.created_at),
        "updated_at": seconds(user.updated_at),
    }
    return body | {"last_successful_login": seconds(last)} if last else body


def _session_json(session: LoginSession) -> dict[str, Any]:
    expires, issued = (
        int(time.timestamp()) for time in (session.expires_at, session.created_at)
    )
    return {
        # GUESS: the name.
        "name": session.nonce,
        "expiration": expires,
        "metadata": {
            "apps": {
                each.application_id: {
                    "hostname": each.hostname,
                    "name": each.application_name,
                    "type": "self_hosted",
                    "uid": each.application_id,
                }
                for each in session.applications
                if each.lives()
            },
            "expires": expires,
            "iat": issued,
            "nonce": session.nonce,
            "ttl": expires - issued,
        },
    }


def _session_details(call: Call, session: LoginSession) -> dict[str, Any]:
    return {
        "account_id": call.account.id,
        "auth_status": "NONE",
        "email": session.email,
        "geo": {"country": session.country},
        "iat": int(session.created_at.timestamp()),
        "idp": {"id": session.provider_id, "type": session.provider_type},
        "ip": session.ip,
        "is_gateway": False,
        "is_warp": False,
        "isActive": True,
        "user_uuid": session.user_id,
        "version": 2,
    }


def _seat_json(user: AccessUser) -> dict[str, Any]:
    return {
        "seat_uid": user.seat_uid,
        "access_seat": user.access_seat,
        "gateway_seat": user.gateway_seat,
        "created_at": seconds(user.created_at),
        "updated_at": seconds(user.updated_at),
    }

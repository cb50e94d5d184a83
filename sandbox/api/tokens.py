"""Verification of tokens: /user/tokens/verify and /accounts/{id}/tokens/verify."""

from typing import Any

from sandbox.state import TokenKind, TokenStatus

from ..envelope import Answer, seconds
from .authentication import INVALID_TOKEN
from .routing import Call, Routes

routes = Routes()


@routes.get("/user/tokens/verify")
async def verify_user_token(call: Call) -> Answer:
    """Verify a user's token; account tokens are unknown here."""
    if call.token.kind is not TokenKind.USER:
        raise INVALID_TOKEN
    return _verified(call)


@routes.get("/accounts/{account_id}/tokens/verify")
async def verify_account_token(call: Call) -> Answer:
    """Verify an account's token; user tokens are unknown here."""
    if call.token.kind is not TokenKind.ACCOUNT:
        raise INVALID_TOKEN
    return _verified(call)


def _verified(call: Call) -> Answer:
    token = call.token
    result: dict[str, Any] = {"id": token.id, "status": token.current_status}
    if token.not_before is not None:
        result["not_before"] = seconds(token.not_before)
    if token.expires_on is not None:
        result["expires_on"] = seconds(token.expires_on)
    if token.current_status is not TokenStatus.ACTIVE:
        # GUESS: for a disabled or expired token, a successful answer states its status.
        return Answer(result)
    message = {
        "code": 10000,
        "message": "This API Token is valid and active",
        "type": None,
    }
    return Answer(result, messages=(message,))

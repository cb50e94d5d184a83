"""Recorded answers about client certificates and hostname associations."""

from tests.sandbox.helpers import HOME, create_certificate, csr_text, new_csr
from tests.sandbox.recordings import Answered

from .paths import ASSOCIATIONS, CERTIFICATES
from .stage import Stage, replay


@replay(
    "cc-01",
    allowed={"result.status: not recorded": "12: added after 2020"},
)
async def _(stage: Stage) -> Answered:
    body = {"csr": csr_text(new_csr()[1]), "validity_days": 3650}
    answered = await stage.ask("POST", CERTIFICATES, body)
    result = answered.body["result"]
    assert result["serial_number"].isdecimal()
    assert result["certificate_authority"]["name"].startswith(
        "Cloudflare Managed CA for account "
    )
    assert result["issued_on"].endswith(":00Z")
    assert set(result["fingerprint_sha256"]) <= set("0123456789abcdef")
    return answered


@replay("cc-08")
async def _(stage: Stage) -> Answered:
    unknown = "7bf7f70c-7600-42e1-81c4-e4c0da9aa515"
    return await stage.ask("GET", f"{CERTIFICATES}/{unknown}")


@replay("cc-09", partial=True)
async def _(stage: Stage) -> Answered:
    certificate, _ = await create_certificate(stage.api)
    path = f"{CERTIFICATES}/{certificate['id']}"
    assert (await stage.ask("DELETE", path)).status == 200
    return await stage.ask("DELETE", path)


@replay(
    "ha-02",
    allowed={
        "errors: not recorded": "left out of the recording",
        "messages: not recorded": "left out of the recording",
    },
)
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("PUT", ASSOCIATIONS, {"hostnames": [HOME]})
    assert answered.body["result"]["hostnames"] == [HOME]
    return answered


@replay("ha-03")
async def _(stage: Stage) -> Answered:
    body = {"hostnames": [HOME]}
    return await stage.ask("PUT", ASSOCIATIONS, body, token=stage.token_without("ssl"))

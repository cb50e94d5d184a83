"""The dialogs of repairs: each step uses only what the repair or the step fills."""

from tests.sentences import (
    FIXING,
    FIXING_FINDINGS,
    IN_FILES,
    LOGIN_DRIFTS,
    LOGINS_WITH_DIALOG,
    LOST_ZONES,
    RENEWAL,
    REPAIRS,
    UNKNOWN_CERTIFICATES,
    placeholders,
    strings,
)


def test_dialogs_of_repairs_can_be_filled() -> None:
    """Each step uses only placeholders that the repair or the step fills."""
    handover = {
        "name",
        "url",
        "until",
        "local_address",
        "arrival",
        "unencrypted",
        "asked",
    }
    handover |= {"blocked_url", "to_device"}
    renewal = {"name", "date", "local_address"}
    steps: dict[str, dict[str, set[str]]] = {
        **{
            key: {
                "init": {"hostname", "who"},
                "confirm": {"hostname", "changes", "warning"},
            }
            for key in FIXING
        },
        **{
            key: {"init": {"name", "date"}, "renew": renewal, "handover": handover}
            for key in RENEWAL
        },
        **{
            key: {
                "init": {"target", "value", "detail"},
                "confirm": {"target", "value", "detail"},
            }
            for key in FIXING_FINDINGS
        },
        "certificate_ready": {"handover": handover},
        **{
            key: {"init": {"certificates"}, "confirm": set(), "revoke": set()}
            for key in UNKNOWN_CERTIFICATES
        },
        **{
            key: {"init": {"zone", "reason"}, "forget": {"hostnames"}}
            for key in LOST_ZONES
        },
        **{
            key: {step: {"hostname"} for step in REPAIRS[key]["step"]}
            for key in LOGINS_WITH_DIALOG
        },
        **{
            key: {"init": {"hostname"}, "confirm": {"hostname", "changes", "warning"}}
            for key in LOGIN_DRIFTS
        },
        "login_list_changed": {
            "init": {"hostname"},
            "keep": {"hostname", "differences", "warning"},
            "confirm": {"hostname", "changes", "differences", "warning"},
        },
        "removal_left": {"init": {"hostname", "record"}, "confirm": {"hostname"}},
        "removal_served": {
            "init": {"hostname", "service"},
            "open": {"hostname", "changes", "warning"},
            "confirm": {"hostname"},
        },
        **{
            key: {
                "init": {"hostname", "tunnel"},
                "app": {"app", "entry", "hostname", "warning"},
                "confirm": {"hostname", "tunnel"},
            }
            for key in IN_FILES
        },
        "zone_replaced": {
            "init": {"zone"},
            "confirm": {"changes", "warning"},
            "forget": {"hostnames"},
        },
    }
    for key, flow in REPAIRS.items():
        assert flow["step"].keys() == steps[key].keys()
        for step, texts in flow["step"].items():
            for _, sentence in strings(texts):
                assert placeholders(sentence) <= steps[key][step]

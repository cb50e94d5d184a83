"""The promises of the integration, in the order in which the demo checks them."""

from typing import Final

from ..promise import Promise
from . import (
    app,
    certificates,
    config_file,
    devices,
    failures,
    logins,
    protection,
    secrets,
    services,
    setup,
    show,
    uses,
    visitors,
)

# For a tunnel that is managed at Cloudflare, as people with a token have it.
REMOTE: Final[tuple[Promise, ...]] = (
    setup.both_run,
    setup.icons_exist,
    setup.bad_tokens_are_refused,
    setup.changes_are_previewed,
    setup.hostname_is_in_sync,
    visitors.visitors_without_certificate_are_blocked,
    visitors.home_sees_itself_blocked,
    visitors.blocked_requests_are_listed,
    protection.open_hostname_is_told,
    protection.problem_is_fixed,
    protection.way_around_is_told,
    devices.device_is_added,
    devices.bundle_is_downloaded_once,
    devices.phone_gets_in,
    visitors.browsers_still_work,
    devices.certificate_is_tested,
    uses.visit_is_noticed,
    uses.forged_headers_change_nothing,
    uses.switched_off_rule_is_told,
    certificates.expiry_is_known,
    certificates.certificate_is_renewed,
    certificates.revoked_certificate_is_blocked,
    protection.foreign_rules_are_overtaken,
    protection.drift_is_fixed,
    devices.bundle_needs_the_home_network,
    protection.switch_unpublishes_hostname,
    protection.lost_mark_comes_back,
    setup.tunnel_is_created,
    failures.last_mile_is_looked_at,
    failures.lost_domain_costs_itself,
    protection.killing_exposes_nothing,
    logins.wrong_country_is_seen,
    logins.login_is_proven,
    logins.browser_reaches_home,
    logins.others_are_refused,
    logins.phones_meet_no_login,
    logins.login_is_ended,
    logins.unproven_trial_is_undone,
    secrets.secrets_stay_secret,
    secrets.restart_changes_nothing,
    devices.removed_device_is_blocked,
    visitors.actions_need_an_administrator,
    show.dashboard_shows_everything,
    show.what_is_proposed_works,
    show.second_account_is_offered,
    show.automations_run,
    show.no_attack_is_left,
)

# For a tunnel with its own config.yml.
LOCAL: Final[tuple[Promise, ...]] = (
    setup.both_run,
    config_file.tunnel_is_offered,
    config_file.lines_come_last,
    config_file.missing_lines_are_told,
    config_file.lines_are_added,
    devices.bundle_is_downloaded_once,
    devices.phone_gets_in,
    devices.certificate_is_tested,
    protection.drift_is_fixed,
    config_file.off_is_off,
    config_file.removal_waits_for_the_file,
)

# For a tunnel that the app Cloudflared runs.
APP: Final[tuple[Promise, ...]] = (
    setup.both_run,
    app.tunnel_is_offered,
    app.entry_is_added,
    devices.device_is_added,
    devices.bundle_is_downloaded_once,
    devices.phone_gets_in,
    devices.certificate_is_tested,
    app.stop_is_seen,
    protection.drift_is_fixed,
    app.failure_is_undone,
    app.removal_is_offered,
)

# For services beside Home Assistant, and devices that may open some of them.
SERVICES: Final[tuple[Promise, ...]] = (
    setup.both_run,
    setup.changes_are_previewed,
    setup.hostname_is_in_sync,
    services.laptop_is_added,
    services.existing_hostname_is_protected,
    services.new_hostname_is_protected,
    services.phone_is_added,
    services.phone_opens_what_it_may,
    services.laptop_opens_everything,
    services.laptop_is_tested,
    services.strangers_open_nothing,
    services.limit_is_changed,
    services.protection_is_stopped,
)

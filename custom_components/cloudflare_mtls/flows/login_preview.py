"""Says in sentences what a login hostname will change, who gets in then and who does not."""

from collections.abc import Callable, Iterator

from ..cutting_off import arrived_by
from ..engine.access.observation import AccessObservation
from ..engine.access.plan import LoginPlan
from ..engine.access.problems import LoginProblem
from ..engine.access.settings import LoginSettings, People
from ..quoting import Ours, listed
from ..wording import Texts, changes_of, describe_login_problem, paragraphs


def preview_of(
    text: Texts,
    country_name: Callable[[str], str],
    observation: AccessObservation,
    plan: LoginPlan,
    seats: LoginProblem | None,
) -> Ours:
    """Return what a plan changes and what that means, with texts of the category "common"."""
    settings = plan.settings
    problems = (*plan.problems, seats) if seats else plan.problems
    return paragraphs(
        changes_of(text, settings.hostname, plan.steps),
        *(
            _who(text, country_name, observation, settings)
            if not settings.adopted
            else ()
        ),
        *(
            text(message.key, **message.placeholders)
            for message in map(describe_login_problem, problems)
        ),
        text("login_others_stay"),
    )


def home_shut_out(
    text: Texts,
    country_name: Callable[[str], str],
    settings: LoginSettings,
    home: str | None,
) -> str:
    """Return that nobody can log in from the country of this home, if so and if it is known."""
    if not home or not settings.shuts_out_country(home):
        return ""
    return text(
        "login_home_shut_out", hostname=settings.hostname, country=country_name(home)
    )


def people_shut_out(text: Texts, before: LoginSettings, after: LoginSettings) -> str:
    """Return which people can no longer log in after a change, if any."""
    match before.who, after.who:
        case People(old), People(new) if old - new:
            return text("login_shuts_out", people=listed(sorted(old - new)))
        case _:
            return ""


def _who(
    text: Texts,
    country_name: Callable[[str], str],
    observation: AccessObservation,
    settings: LoginSettings,
) -> Iterator[str]:
    hostname = settings.hostname
    who = settings.who
    if isinstance(who, People):
        people = listed(sorted(who.emails))
        yield text("login_people", hostname=hostname, people=people)
    else:
        groups = {each.id: each.name for each in observation.groups}
        yield text("login_group", hostname=hostname, group=groups[who.group_id])
    if settings.countries:
        names = Ours(", ".join(sorted(map(country_name, settings.countries))))
        yield text("login_countries", countries=names)
    else:
        yield text("login_everywhere")
    if settings.open_paths:
        yield text("login_open_paths", paths=listed(sorted(settings.open_paths)))
    if settings.connector_of:
        yield text("login_connector", hostname=hostname)
    if arrived_by({hostname}):
        yield text("login_arrived_by", hostname=hostname)

"""Workers at the edge: which one runs for a request."""

from .state import State, Worker, WorkerRoute, Zone


def find_worker(state: State, zone: Zone, hostname: str, path: str) -> Worker | None:
    """Return the Worker of the most specific route that covers a request."""
    routes = [each for each in zone.worker_routes if _covers(each, hostname, path)]
    # GUESS: the longest pattern is the most specific one.
    route = max(routes, key=lambda each: len(each.pattern), default=None)
    if route is None or route.script is None:
        return None
    return state.accounts[zone.account_id].workers.get(route.script)


def _covers(route: WorkerRoute, hostname: str, path: str) -> bool:
    """Return whether a route covers a request; a star may begin the host and end the path."""
    pattern = route.pattern.removeprefix("https://")
    host, slash, rest = pattern.partition("/")
    wanted = f"{slash or '/'}{rest}"
    if host.startswith("*"):
        is_host = hostname.endswith(host[1:].lower())
    else:
        is_host = hostname == host.lower()
    if wanted.endswith("*"):
        return is_host and path.startswith(wanted[:-1])
    return is_host and path == wanted

"""Workers of a zone: code that runs for the requests of its routes, after every rule."""

from dataclasses import dataclass, field

from .ids import new_id


@dataclass(frozen=True)
class Worker:
    """What a Worker does with a request: answer it, or fetch what a hostname of its zone has.

    With neither, it passes the request on.
    """

    answer: str | None = None
    fetches: str | None = None


@dataclass
class WorkerRoute:
    """The addresses for which a Worker runs; without a script, none runs there."""

    pattern: str
    script: str | None = None
    id: str = field(default_factory=new_id)

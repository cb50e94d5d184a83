"""The type of what runs blocking functions in a thread, which the shell hands to the engine."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class RunBlocking(Protocol):
    """Runs a function that blocks in a thread, as `HomeAssistant.async_add_executor_job` does."""

    def __call__[*ArgumentsT, ResultT](
        self, target: Callable[[*ArgumentsT], ResultT], /, *args: *ArgumentsT
    ) -> Awaitable[ResultT]:
        """Return the function's result once it has run."""

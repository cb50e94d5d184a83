"""The routes of a zone, which say for which addresses its Workers run."""

from .errors import Permission
from .models import WorkerRoute
from .resource import Resource


class WorkerRoutes(Resource):
    """The routes of a zone's Workers."""

    async def list(self, zone_id: str) -> tuple[WorkerRoute, ...]:
        """Return the routes for which a Worker runs; others only make exceptions from them.

        Source: GET /zones/{zone_id}/workers/routes, which has no pages.
        """
        envelope = await self._transport.request(
            "GET", t"/zones/{zone_id}/workers/routes", Permission.WORKERS_READ
        )
        found = map(WorkerRoute.parse, envelope.objects("result", required=True))
        return tuple(route for route in found if route.script)

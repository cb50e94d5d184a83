"""A local Supervisor: installed apps with their options, and the app Cloudflared among them."""

from .app import App, AppState, Manifest, StartFaults
from .cloudflared import Cloudflared
from .faults import Fault, FaultKind
from .service import Supervisor

__all__ = [
    "App",
    "AppState",
    "Cloudflared",
    "Fault",
    "FaultKind",
    "Manifest",
    "StartFaults",
    "Supervisor",
]

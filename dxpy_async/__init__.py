"""dxpy: a Python package and project manager whose engine is an asyncio library.

    from dxpy_async import Engine

    async with Engine() as engine:
        outcome = await engine.sync(Path("my-project"))

Names are imported when they are first used (PEP 562): `import dxpy_async` alone costs next to nothing.
"""

from __future__ import annotations

from dxpy_async._version import __version__

TYPE_CHECKING = False  # importing it from `typing` would cost more than a whole `dxpy sync` that has nothing to do

if TYPE_CHECKING:
    from dxpy_async.core.logins import Login
    from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode, ResolutionSettings
    from dxpy_async.core.settings import IndexSettings, LinkMode, NetworkSettings, Settings
    from dxpy_async.core.target_platforms import WantedTarget
    from dxpy_async.engine.bundling import BundleOptions, BundleOutcome
    from dxpy_async.engine.collecting import Collected
    from dxpy_async.engine.config_manager import ConfigManager, Scope
    from dxpy_async.engine.credential_store import CredentialStore
    from dxpy_async.engine.distributing import BuildOptions, BuiltDistribution
    from dxpy_async.engine.engine import Engine
    from dxpy_async.engine.environment_choice import EnvironmentRequest
    from dxpy_async.engine.environment_manager import EnvironmentManager
    from dxpy_async.engine.event_stream import EventStream
    from dxpy_async.engine.events import Event
    from dxpy_async.engine.importing import Imported, ProjectImporter
    from dxpy_async.engine.initializing import InitOptions
    from dxpy_async.engine.install_options import InstallOptions, InstallOutcome
    from dxpy_async.engine.installed_tools import InstalledTool
    from dxpy_async.engine.locking import LockOptions, LockOutcome
    from dxpy_async.engine.publishing import PublishedFile, Publisher
    from dxpy_async.engine.pythons import PythonManager
    from dxpy_async.engine.sending import Publication, PublishOptions
    from dxpy_async.engine.sync_options import LockMode, SyncOptions
    from dxpy_async.engine.syncing import SyncOutcome
    from dxpy_async.engine.tools import ToolManager, ToolOutcome
    from dxpy_async.engine.venv_manager import VenvManager
    from dxpy_async.engine.venvs import VenvOptions
    from dxpy_async.engine.workspace_manager import WorkspaceManager, WorkspaceMember
    from dxpy_async.errors import DxpyError
    from dxpy_async.index.credentials import Credentials
    from dxpy_async.project.publish_settings import PublishSettings
    from dxpy_async.project.setting_origins import EffectiveSetting
    from dxpy_async.project.settings import load_settings
    from dxpy_async.project.tool_manifests import ToolManifest
    from dxpy_async.project.tool_receipts import ToolSpec

__all__ = [
    "BuildOptions",
    "BuiltDistribution",
    "BundleOptions",
    "BundleOutcome",
    "Collected",
    "ConfigManager",
    "CredentialStore",
    "Credentials",
    "DxpyError",
    "EffectiveSetting",
    "Engine",
    "EnvironmentManager",
    "EnvironmentRequest",
    "Event",
    "EventStream",
    "Imported",
    "IndexSettings",
    "InitOptions",
    "InstallOptions",
    "InstallOutcome",
    "InstalledTool",
    "LinkMode",
    "LockMode",
    "LockOptions",
    "LockOutcome",
    "Login",
    "NetworkSettings",
    "Prereleases",
    "ProjectImporter",
    "Publication",
    "PublishOptions",
    "PublishSettings",
    "PublishedFile",
    "Publisher",
    "PythonManager",
    "ResolutionMode",
    "ResolutionSettings",
    "Scope",
    "Settings",
    "SyncOptions",
    "SyncOutcome",
    "ToolManager",
    "ToolManifest",
    "ToolOutcome",
    "ToolSpec",
    "VenvManager",
    "VenvOptions",
    "WantedTarget",
    "WorkspaceManager",
    "WorkspaceMember",
    "__version__",
    "load_settings",
]

_PLACES = {
    "BuildOptions": "dxpy_async.engine.distributing",
    "BuiltDistribution": "dxpy_async.engine.distributing",
    "BundleOptions": "dxpy_async.engine.bundling",
    "BundleOutcome": "dxpy_async.engine.bundling",
    "ConfigManager": "dxpy_async.engine.config_manager",
    "CredentialStore": "dxpy_async.engine.credential_store",
    "Credentials": "dxpy_async.index.credentials",
    "Collected": "dxpy_async.engine.collecting",
    "DxpyError": "dxpy_async.errors",
    "EffectiveSetting": "dxpy_async.project.setting_origins",
    "Engine": "dxpy_async.engine.engine",
    "EnvironmentManager": "dxpy_async.engine.environment_manager",
    "EnvironmentRequest": "dxpy_async.engine.environment_choice",
    "Event": "dxpy_async.engine.events",
    "EventStream": "dxpy_async.engine.event_stream",
    "Imported": "dxpy_async.engine.importing",
    "IndexSettings": "dxpy_async.core.settings",
    "InitOptions": "dxpy_async.engine.initializing",
    "InstallOptions": "dxpy_async.engine.install_options",
    "InstallOutcome": "dxpy_async.engine.install_options",
    "LinkMode": "dxpy_async.core.settings",
    "Login": "dxpy_async.core.logins",
    "LockMode": "dxpy_async.engine.sync_options",
    "LockOptions": "dxpy_async.engine.locking",
    "LockOutcome": "dxpy_async.engine.locking",
    "NetworkSettings": "dxpy_async.core.settings",
    "ProjectImporter": "dxpy_async.engine.importing",
    "Publication": "dxpy_async.engine.sending",
    "PublishOptions": "dxpy_async.engine.sending",
    "PublishSettings": "dxpy_async.project.publish_settings",
    "PublishedFile": "dxpy_async.engine.publishing",
    "Publisher": "dxpy_async.engine.publishing",
    "PythonManager": "dxpy_async.engine.pythons",
    "Prereleases": "dxpy_async.core.resolution_settings",
    "ResolutionMode": "dxpy_async.core.resolution_settings",
    "ResolutionSettings": "dxpy_async.core.resolution_settings",
    "Scope": "dxpy_async.engine.config_manager",
    "Settings": "dxpy_async.core.settings",
    "SyncOptions": "dxpy_async.engine.sync_options",
    "SyncOutcome": "dxpy_async.engine.syncing",
    "ToolManager": "dxpy_async.engine.tools",
    "ToolOutcome": "dxpy_async.engine.tools",
    "InstalledTool": "dxpy_async.engine.installed_tools",
    "ToolManifest": "dxpy_async.project.tool_manifests",
    "ToolSpec": "dxpy_async.project.tool_receipts",
    "VenvManager": "dxpy_async.engine.venv_manager",
    "VenvOptions": "dxpy_async.engine.venvs",
    "WantedTarget": "dxpy_async.core.target_platforms",
    "WorkspaceManager": "dxpy_async.engine.workspace_manager",
    "WorkspaceMember": "dxpy_async.engine.workspace_manager",
    "load_settings": "dxpy_async.project.settings",
}


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

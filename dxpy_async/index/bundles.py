"""A bundle as the one place that distributions come from, without any network."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.errors import IntegrityError, InvalidBundle
from dxpy_async.formats.bundle_manifest import MANIFEST_NAME, BundledFile, BundleManifest, parse_manifest
from dxpy_async.index.directories import LocalDirectory

_AGAIN = "where there is a network, make it anew with `dxpy bundle -o DIR` and the same flags, and bring it here"


class Bundle(LocalDirectory):
    """The directory at `path`, and what its manifest says of it, if it has one: a plain directory of files will do.

    Raises InvalidBundle for a directory that is not there, and for a manifest that is none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if not path.is_dir():
            what = "it is a file" if path.exists() else "there is no such directory"
            raise InvalidBundle(f"`{path}` is no bundle: {what}", hints=(_AGAIN,))
        self._listed = {file.filename: file for file in _manifest_in(path).files}

    def url_of(self, filename: str) -> str:
        """The address of a file. Raises InvalidBundle when it is not there."""
        place = self.path / filename
        if place.parent != self.path or not place.is_file():
            said = "is gone from" if filename in self._listed else "is not in"
            raise InvalidBundle(f"`{filename}` {said} the bundle `{self.path}`", hints=(_AGAIN,))
        return place.as_uri()

    def built_from(self, identity: str) -> BundledFile | None:
        """The wheel that was built of the source tree with this identity."""
        return next((file for file in self._listed.values() if file.built_from == identity), None)

    def changed(self, error: IntegrityError) -> InvalidBundle:
        """What `error`, found in a file of the bundle, is called."""
        return InvalidBundle(f"a file of the bundle was changed: {error}", hints=(_AGAIN,))

    def _digest(self, path: Path) -> str:
        """As the manifest has it, so that a file that was changed is found when it is used."""
        listed = self._listed.get(path.name)
        return listed.sha256 if listed is not None else super()._digest(path)


def _manifest_in(path: Path) -> BundleManifest:
    place = path / MANIFEST_NAME
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        return BundleManifest(python="", platform="", files=())
    except OSError as error:
        raise InvalidBundle(f"`{place}` cannot be read: {error.strerror}") from error
    return parse_manifest(content, file=str(place))

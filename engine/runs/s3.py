"""Checkpoints in S3 and in what speaks like it, through s3fs: the extra `s3`.

Credentials, region, profile and endpoint are those of every AWS tool (AWS_PROFILE, AWS_ENDPOINT_URL, ~/.aws); none is
taken from a URI, kept, or printed. Called by tools, on their main thread; s3fs has a thread of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from engine.errors import RunError, UsageError

from .extras import need
from .stores import CHUNK
from .uris import shown

if TYPE_CHECKING:
    from s3fs import S3FileSystem

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_SETTINGS: Final = {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 0}}
_TRIES: Final = 3  # by s3fs, with a pause between them: a host that takes a call and is silent is given up in a minute
_INNER: Final = "checkpoints"

_ANSWERS: Final = {
    "NoSuchBucket": ("there is no such bucket", "is it spelt right, and of the account that AWS_PROFILE names?"),
    "AccessDenied": ("access is denied", "ask its owner, or set AWS_PROFILE to whoever may"),
    "403": ("access is denied", "ask its owner, or set AWS_PROFILE to whoever may"),
    "ExpiredToken": ("your credentials have expired", "sign in again, such as with `aws sso login`"),
    "InvalidAccessKeyId": ("your credentials are not known there", "see `aws configure list`"),
    "SignatureDoesNotMatch": ("your credentials are not the right ones", "see `aws configure list`"),
    "NoCredentialsError": (
        "there are no AWS credentials",
        "`aws configure` keeps some; AWS_PROFILE chooses among them",
    ),
    "PartialCredentialsError": ("the AWS credentials are not complete", "see `aws configure list`"),
    "ProfileNotFound": ("there is no such AWS profile", "AWS_PROFILE names it; see `aws configure list-profiles`"),
    "PermissionError": ("access is denied", "ask its owner, or set AWS_PROFILE to whoever may"),
}
_OFFLINE: Final = ("it cannot be reached", "is the network there, and is AWS_ENDPOINT_URL right if it is set?")


class S3Store:
    """The files under a prefix. Owns its connection."""

    def __init__(self, uri: str, place: str) -> None:
        """Look at nothing yet.

        Args:
            place: `BUCKET/PREFIX`.

        Raises:
            UsageError: that is no bucket, or s3fs is not installed.
        """
        bucket, _, prefix = place.partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise UsageError(
                f"{shown(uri)}: that is no bucket's name", hint="say s3://BUCKET/PREFIX; keys belong in ~/.aws"
            )
        need("s3fs", "s3", uri)
        self.owner = uri
        self._path = f"{bucket}/{prefix.strip('/')}".rstrip("/")
        with self._refusals():
            self._files = _connected(uri)

    def names(self) -> list[str]:
        found = self._listed(self._path)
        if _INNER in found and not any(name.startswith("ck-") for name in found):  # a run's directory as it was synced
            self._path = f"{self._path}/{_INNER}"
            found = self._listed(self._path)
        return found

    def _listed(self, path: str) -> list[str]:
        with self._refusals():
            try:
                return [str(each).rpartition("/")[2] for each in self._files.ls(path, detail=False)]
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return []

    def read(self, name: str, limit: int) -> bytes | None:
        with self._refusals():
            try:
                return self._part(name, 0, limit)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return None

    def download(self, name: str, file: BinaryIO, size: int) -> None:
        for start in range(0, size, CHUNK):
            with self._refusals():
                part = self._part(name, start, min(start + CHUNK, size))
            file.write(part)  # outside: a full disk is not the bucket's refusal

    def _part(self, name: str, start: int, end: int) -> bytes:
        """Bytes from `start` to `end`, fewer at the end of the file."""
        try:
            return bytes(self._files.cat_file(f"{self._path}/{name}", start=start, end=end))
        except OSError as error:
            if _code(error) == "InvalidRange":
                return b""
            raise

    def upload(self, name: str, source: Path) -> None:
        with self._refusals():
            self._files.put_file(str(source), f"{self._path}/{name}")

    def write(self, name: str, data: bytes) -> None:
        with self._refusals():
            self._files.pipe_file(f"{self._path}/{name}", data)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What S3, the network and the libraries say, in a line."""
        import botocore.exceptions as boto  # deferred: it is there once s3fs is

        try:
            yield
        except (OSError, boto.BotoCoreError, boto.ClientError, TimeoutError) as error:
            reason, hint = _words(error)
            raise RunError(f"{shown(self.owner)}: {reason}", hint=hint) from error


def _connected(uri: str) -> S3FileSystem:
    from s3fs import S3FileSystem  # deferred, as all of it: most people never need it

    files = S3FileSystem(config_kwargs=_SETTINGS, skip_instance_cache=True, use_listings_cache=False)
    files.retries = _TRIES
    return files


def _words(error: BaseException) -> tuple[str, str]:
    """What went wrong, and what to do. Of others' words one line; no key is in it, as keys only sign what is sent."""
    known = next((_ANSWERS[name] for name in (_code(error), type(error).__name__) if name in _ANSWERS), None)
    if known is not None:
        return known
    if isinstance(error, ConnectionError | TimeoutError) or _is_connection(error):
        return _OFFLINE
    return (str(error).splitlines() or [type(error).__name__])[0][:200], ""


def _is_connection(error: BaseException) -> bool:
    import botocore.exceptions as boto

    return isinstance(error, boto.HTTPClientError | boto.ConnectionError)


def _code(error: BaseException) -> str:
    """S3's own name of what is wrong, which s3fs puts behind an OSError of Python's."""
    answer: Any = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    with suppress(AttributeError, TypeError, KeyError):
        return str(answer["Error"]["Code"])
    return ""

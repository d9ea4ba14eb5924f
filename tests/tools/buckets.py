"""A real S3 over HTTP on this machine: moto's server, and what a test may count and break in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

BUCKET = "lab-maze"


@contextmanager
def s3_server() -> Iterator[str]:
    """The server's address. Credentials and endpoint are set in the environment for as long."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "hush-hush",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        try:
            yield settings["AWS_ENDPOINT_URL"]
        finally:
            server.stop()


class Bucket:
    """One bucket of it, seen by another library than ours."""

    def __init__(self) -> None:
        import boto3

        self._s3 = boto3.client("s3")
        self._s3.create_bucket(Bucket=BUCKET)
        self.empty()  # moto keeps what is in it as long as this process lives

    def names(self) -> list[str]:
        return [each["Key"] for each in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def times(self) -> dict[str, object]:
        return {each["Key"]: each["LastModified"] for each in self._s3.list_objects_v2(Bucket=BUCKET)["Contents"]}

    def get(self, name: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=BUCKET, Key=name)["Body"].read())

    def put(self, name: str, data: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=name, Body=data)

    def delete(self, name: str) -> None:
        self._s3.delete_object(Bucket=BUCKET, Key=name)

    def empty(self) -> None:
        for name in self.names():
            self.delete(name)

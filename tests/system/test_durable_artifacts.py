"""`sluice up --durable`: what a client was told is stored is on the disk, the bytes of an artifact before the row that names them."""
import hashlib

import pytest
from fault import killing
from sluice_program import serving

ARTIFACT = "/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/a.txt"


@pytest.mark.parametrize("durable", [True, False])
def test_the_bytes_of_an_artifact_are_synced(tmp_path, durable):
    data, trace = tmp_path / "data", tmp_path / "trace"
    traced = killing.doomed(under=[data], trace=trace)
    with serving(data, *(["--durable"] if durable else []), env=traced) as server:
        assert server.ask("PUT", ARTIFACT, b"kept")[0] == 200
        calls = [line.split() for line in trace.read_text().splitlines() if line.startswith("call ")]
    digest = hashlib.sha256(b"kept").hexdigest()
    synced = [number for number, (_, _, name, *path) in enumerate(calls) if name == "fsync" and path and path[0].endswith(digest)]
    ledger = [number for number, (_, _, name, *path) in enumerate(calls) if name in ("fsync", "fdatasync") and path and path[0].endswith("ledger.db-wal")]
    assert bool(synced) == durable
    assert not durable or synced[0] < ledger[-1], "the row came first"

"""Inputs from a bucket: moto, a server that speaks S3, with keys of a secret."""
import json
import subprocess

import pytest
import waiting
from sluice_program import environment, reserved_address, serving, sluice
from test_remote_inputs import PLAN, artifact_of, run, set_secret

# boto3 makes a user and the bucket, and nothing else. From then on moto verifies the signature of every request.
MAKE_BUCKET = """
import json, sys, boto3
from botocore.config import Config
url, *objects = sys.argv[1:]
common = dict(endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x",
              config=Config(connect_timeout=5, retries={"max_attempts": 0}))
iam, s3 = boto3.client("iam", **common), boto3.client("s3", **common)
iam.create_user(UserName="ann")
key = iam.create_access_key(UserName="ann")["AccessKey"]
policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps(policy))
s3.create_bucket(Bucket="measurements")
for name in objects:
    s3.put_object(Bucket="measurements", Key=name, Body=b"bytes of " + name.encode())
print(json.dumps({"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}))
"""
OBJECTS = ["2026/a b+c%.csv", "x"]
UNVERIFIED = 4 + len(OBJECTS)  # requests of that


@pytest.fixture(scope="module")
def storage(client_python, tmp_path_factory):
    """The URL of a server with a bucket `measurements`, and the keys of its user."""
    python, address = client_python("moto"), reserved_address()
    host, _, port = address.partition(":")
    log = open(tmp_path_factory.mktemp("moto") / "log", "w")
    server = subprocess.Popen([python.parent / "moto_server", "-H", host, "-p", port], stdout=log, stderr=subprocess.STDOUT,
                              env=environment(INITIAL_NO_AUTH_ACTION_COUNT=UNVERIFIED))
    try:
        def made():
            assert server.poll() is None, log.name
            done = subprocess.run([python, "-c", MAKE_BUCKET, f"http://{address}", *OBJECTS], env=environment(), capture_output=True, text=True)
            return json.loads(done.stdout) if done.returncode == 0 else None

        keys = waiting.until(made, "moto has a bucket")
        yield f"http://{address}", keys
    finally:
        server.kill()
        server.wait()
        log.close()


@pytest.fixture
def data(storage, tmp_path):
    for key, value in (storage[1] | {"endpoint": storage[0]}).items():
        set_secret(tmp_path / "data", "bucket", key, value)
    return tmp_path / "data"


def test_an_object_is_fetched_once_with_the_keys_of_a_secret(storage, data, plan):
    with serving(data, "--allow-url", storage[0], "--allow-url", "s3://measurements"):
        first = run(plan(PLAN), "s3://measurements/2026/a b+c%.csv", "--input-secret", "data=bucket", data=data)
        assert first["outputs"]["size"] == len("bytes of 2026/a b+c%.csv") and artifact_of(first)["name"] == "a b+c%.csv"
        done = sluice("run", plan(PLAN), "--input", "data=s3://measurements/2026/a b+c%.csv", "--input-secret", "data=bucket", data=data)
        assert "unchanged: s3://measurements/2026/a%20b%2Bc%25.csv" in done.stderr, done.stderr
    kept = [path for path in data.rglob("*") if path.is_file() and storage[1]["secret_access_key"].encode() in path.read_bytes()]
    assert [path.name for path in kept] == ["default.json"]


def test_what_is_wrong_with_a_bucket_is_said(storage, data, plan):
    path, allowed = plan(PLAN), ("--allow-url", storage[0], "--allow-url", "s3://measurements", "--allow-url", "s3://nowhere")
    why = run(path, "s3://measurements/none", "--input-secret", "data=bucket", *allowed, data=data, code=2)
    assert "input `data`: s3://measurements/none: there is no such file (status 404 NoSuchKey)" in why
    assert "(status 404 NoSuchBucket)" in run(path, "s3://nowhere/x", "--input-secret", "data=bucket", *allowed, data=data, code=2)
    why = run(path, "s3://other/x", "--input-secret", "data=bucket", *allowed, data=data, code=2)
    assert "input `data`: s3://other is not allowed; whoever runs Sluice allows it with `--allow-url s3://other`" in why
    why = run(path, "s3://measurements/x", "--input-secret", "data=bucket", "--allow-url", "s3://measurements", data=data, code=2)
    assert f"{storage[0]} is not allowed" in why, "the endpoint is somebody's server"
    why = run(path, "s3://measurements/x", "--input-secret", "data=bucke", *allowed, data=data, code=2)
    assert "the secret `bucke` has no key `access_key_id`" in why


def test_keys_that_are_wrong_are_refused(storage, data, plan):
    allowed = ("--allow-url", storage[0], "--allow-url", "s3://measurements")
    set_secret(data, "bucket", "secret_access_key", "another-key")
    why = run(plan(PLAN), "s3://measurements/x", "--input-secret", "data=bucket", *allowed, data=data, code=2)
    assert "input `data`: s3://measurements/x: access is denied there (status 403 SignatureDoesNotMatch); check what the secret holds" in why
    set_secret(data, "public", "endpoint", storage[0])
    why = run(plan(PLAN), "s3://measurements/x", "--input-secret", "data=public", *allowed, data=data, code=2)
    assert "access is denied there (status 403" in why

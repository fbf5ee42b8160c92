-- The ledger that commit f1d27f9 made: its schema, version 1.
-- The truth: what was decided and what happened, in order.
CREATE TABLE events(
  run TEXT NOT NULL,
  number INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  principal TEXT NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY(run, number)
) STRICT, WITHOUT ROWID;

-- A projection of each journal, for lists of runs.
CREATE TABLE runs(
  id TEXT NOT NULL PRIMARY KEY,
  workspace TEXT NOT NULL,
  principal TEXT NOT NULL,
  name TEXT NOT NULL,
  plan BLOB NOT NULL,
  status TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  message TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_time ON runs(workspace, created_ms, id);
CREATE INDEX runs_by_status ON runs(workspace, status, created_ms, id);

-- A projection too: outputs of finished tasks by cache key.
CREATE TABLE cache(
  workspace TEXT NOT NULL,
  key BLOB NOT NULL,
  principal TEXT NOT NULL,
  outputs TEXT NOT NULL,
  run TEXT NOT NULL,
  path TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY(workspace, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE deployments(
  workspace TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  principal TEXT NOT NULL,
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  "commit" TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  effect_key TEXT NOT NULL,
  PRIMARY KEY(workspace, endpoint)
) STRICT, WITHOUT ROWID;
PRAGMA application_id=1397511497;
PRAGMA user_version=1;

"""What a server of Kubeflow's clients holds, for the benchmarks: runs in experiments, and schedules, written into a ledger by its own SQL."""
import sqlite3
import time

DAY_MS = 86_400_000
EXPERIMENTS = 100

RUNS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
INSERT INTO runs(id, workspace, principal, name, plan, status, created_ms, ended_ms, message)
SELECT printf('%026d', i), 'default', 'owner', 'pipeline', zeroblob(32), CASE WHEN i % 10 THEN 'succeeded' ELSE 'failed' END, :first + 1000 * i, :first + 1000 * i + 500, ''
FROM n"""
GROUPED = """
INSERT INTO grouped_runs(id, run, workspace, principal, in_group, display_name, description, service_account, pipeline, version, text, file, root, parameters, archived,
  created_ms, cancelled_ms, earlier)
SELECT id, id, 'default', 'owner', printf('experiment-%d', created_ms / 1000 % :experiments), printf('run %d', created_ms / 1000), '', '', '', '', zeroblob(32), 'pipeline', '', '{}',
  created_ms / 1000 % 50 = 0, created_ms, NULL, '[]'
FROM runs"""
GROUPS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :experiments)
INSERT INTO run_groups(id, workspace, principal, name, description, archived, created_ms)
SELECT printf('experiment-%d', i), 'default', 'owner', printf('Experiment %d', i), '', 0, :first + i FROM n"""
SCHEDULES = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
INSERT INTO schedules(id, workspace, principal, name, cron, interval_ms, time_zone, start_ms, end_ms, catch_up, max_concurrency, enabled, created_ms, last_ms, due_ms, runs, problem,
  plan, file, pipeline, inputs, code, cache, strict, options, instant_input)
SELECT printf('%026d', i), 'default', 'owner', printf('schedule-%d', i), '@yearly', 0, 'UTC', NULL, NULL, 1, 1, 1, :now, NULL, :now + 300 * :day + i, 0, '',
  zeroblob(32), 'plan.yaml', 'main', '{}', '{}', 1, 0, '{}', '' FROM n"""


def fill(ledger, runs=0, schedules=0):
    """The ledger's server must have ended."""
    now = int(time.time() * 1000)
    with sqlite3.connect(ledger) as connection:
        if runs:
            given = {"count": runs, "first": now - 1000 * runs, "experiments": EXPERIMENTS}
            for sql in (RUNS, GROUPS, GROUPED):
                connection.execute(sql, given)
        if schedules:
            connection.execute(SCHEDULES, {"count": schedules, "now": now, "day": DAY_MS})
    connection.close()

"""The next instants of many cron expressions, as the Python package croniter computes them; tests/unit/schedules/croniter_test.cpp compares
Sluice's with them. Left out is what the two define differently: steps over all days (`*/2` among days), and the hours in which clocks change."""
import json
import random
import subprocess

CLIENT = "croniter"
NEXT = """
import json, sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
from croniter import croniter
answers = []
for expression, zone, after in json.load(sys.stdin):
    begin = datetime.fromtimestamp(after, timezone.utc).astimezone(ZoneInfo(zone))
    try:
        every = croniter(expression, begin, second_at_beginning=True, max_years_between_matches=100)
        answers.append([int(every.get_next(float)) for _ in range(4)])
    except Exception as problem:
        answers.append(type(problem).__name__)
json.dump(answers, sys.stdout)
"""
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
FIRST, LAST = 946_684_800, 2_524_608_000  # 2000 to 2050


def field(rng, least, most, names=(), steps_over_all=True):
    def one():
        value = rng.randint(least, most)
        return rng.choice([str(value), names[value - least]]) if names and value - least < len(names) else str(value)

    def span():
        first = rng.randint(least, most - 1)
        return f"{first}-{rng.randint(first + 1, most)}"

    kinds = ["*", one(), f"{one()},{one()},{one()}", span(), f"{span()}/{rng.randint(1, 9)}", f"{one()},{span()}"]
    if steps_over_all:
        kinds.append(f"*/{rng.randint(1, (most - least) // 2)}")
    return rng.choice(kinds)


def expressions():
    rng = random.Random(28)
    asked = []
    for number in range(1_000):
        fields = [field(rng, 0, 59), field(rng, 0, 23), field(rng, 1, 31, steps_over_all=False), field(rng, 1, 12, MONTHS),
                  field(rng, 0, 6, WEEKDAYS, steps_over_all=False)]
        if number % 3 == 0:
            fields.insert(0, field(rng, 0, 59))
        asked.append((" ".join(fields), "UTC", rng.randint(FIRST, LAST)))
    for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"):
        for _ in range(60):
            days = field(rng, 1, 28, steps_over_all=False)
            asked.append((f"{rng.randint(0, 59)} {rng.randint(5, 22)} {days} * *", zone, rng.randint(FIRST, LAST)))
    return asked


def answers(python):
    asked = expressions()
    done = subprocess.run([python, "-c", NEXT], input=json.dumps(asked), capture_output=True, text=True, check=True)
    found = {}
    for (expression, zone, after), instants in zip(asked, json.loads(done.stdout)):
        if isinstance(instants, list):
            found[f"{expression} | {zone} | {after}"] = " ".join(map(str, instants))
    return {"next": found}

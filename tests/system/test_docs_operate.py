"""The commands of docs/operate.md exist, with the options that it uses; those that need no other machine are run as they are written."""
import re
import shlex

from sluice_program import ROOT, sluice

TEXT = (ROOT / "docs/operate.md").read_text()


def commands():
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.M | re.S))
    for line in [*blocks.splitlines(), *re.findall(r"`((?:sudo -u sluice )?sluice [^`]+)`", TEXT)]:
        found = re.match(r"(?:sudo -u sluice )?sluice ([a-z].*)", line)
        if found:
            yield shlex.split(found.group(1))


def test_its_commands_have_the_options_that_it_uses():
    checked = set()
    for words in commands():
        shown = sluice(words[0], "--help")
        assert shown.returncode == 0, words
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.stdout, (words, option)
            checked.add((words[0], option))
    assert {("token", "--role"), ("token", "--expires"), ("up", "--listen"), ("up", "--tls-cert"), ("gc", "--dry-run")} <= checked, checked


def test_its_commands_about_tokens_run(tmp_path):
    done = [sluice(*words, data=tmp_path / "data") for words in commands() if words[0] in ("token", "audit") and "--data" not in words and "NAME" not in words]
    assert len(done) >= 5
    for command in done:
        assert command.returncode == 0, command

"""Shell completion, by the program itself and in a real bash."""
import subprocess

import pytest
from sluice_program import BIN, environment, serving, sluice


def completed(*words, data=None):
    done = sluice("complete", "--", *words)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


def in_bash(line, cwd):
    """The completions that pressing the Tab key twice would list."""
    script = r"""
source <(sluice completion bash) || exit 9
read -r -a COMP_WORDS <<<"$1"
[[ $1 == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
compopt() { echo "compopt $*"; }
_sluice sluice
[[ ${#COMPREPLY[@]} == 0 ]] || printf '%s\n' "${COMPREPLY[@]}"
complete -p sluice
"""
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", line], capture_output=True, text=True, cwd=cwd, timeout=60,
                          env=environment(PATH=f"{BIN}:/usr/bin:/bin"))
    assert done.returncode == 0 and not done.stderr, done.stderr
    *words, registered = done.stdout.splitlines()
    assert registered == "complete -F _sluice sluice"
    return words


def test_commands_and_options_are_those_of_the_program():
    listed = completed("")
    for command in ("run", "cancel", "doctor", "completion", "predict"):
        assert command in listed
        assert sluice(command, "--help").returncode == 0
    assert "complete" not in listed, "`complete` is called only by shells"
    assert completed("und") == ["undeploy"]
    assert completed("run", "--in") == ["--input", "--input-secret"]
    assert {"--data", "--server", "--follow", "--attempt"} <= set(completed("logs", "--"))
    assert completed("nonsense", "") == []


def test_values_come_from_what_an_option_takes():
    assert completed("runs", "--status", "") == ["running", "succeeded", "failed", "cancelled", "set_aside"]
    assert completed("runs", "--status=fa") == ["--status=failed"]
    assert completed("runs", "--status", "=", "fa") == ["failed"], "as bash splits words"
    assert completed("compile", "--emit", "d") == ["dot"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]
    assert completed("run", "") == [":files"]
    assert completed("runs", "--data", "") == [":files"]
    assert completed("runs", "--limit", "") == []
    assert completed("predict", "endpoint", "one.png", "") == [":files"]


def test_names_come_from_the_data_folder(main_job, server, endpoint):
    data, report = main_job
    assert completed("show", "--data", str(data), "la") == ["latest"]
    listed = completed("show", "--data", str(data), "")
    assert report["run"] in listed and "stamps" in listed
    assert completed("logs", "--data", str(data), "latest", "") == ["evaluate"]
    assert completed("deploy", "--data", str(data), "sta") == ["stamps"]
    assert completed("predict", f"--data={data}", "") == [endpoint]
    assert completed("cancel", "--server", server.url, report["run"][:12]) == [report["run"]]


def test_no_data_folder_is_made_by_looking_for_names(tmp_path):
    assert completed("show", "--data", str(tmp_path / "none"), "") == []
    assert not (tmp_path / "none").exists()
    assert completed("show", "--server", "http://127.0.0.1:1", "") == []


def test_a_real_bash_completes(tmp_path, plan):
    assert in_bash("sluice comp", tmp_path) == ["compile", "completion"]
    assert in_bash("sluice runs --status ", tmp_path) == ["running", "succeeded", "failed", "cancelled", "set_aside"]
    assert in_bash("sluice run ", tmp_path) == ["compopt -o default"], "bash itself completes file names"
    with serving(tmp_path / "data"):
        assert "efficientnet-lite0" in in_bash(f"sluice deploy --data {tmp_path}/data ", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_calls_the_program(shell):
    script = sluice("completion", shell).stdout
    assert "complete --" in script and "_sluice" in script

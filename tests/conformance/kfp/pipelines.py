"""Pipelines as people write them with kfp, one or more for each construct; `./dev record kubeflow` compiles them and runs them on
kfp's local runner. CASES says what each must give."""
import dataclasses
import pathlib
from typing import Any, Dict, List, NamedTuple, Optional

from kfp import dsl
from kfp.dsl import (HTML, ClassificationMetrics, Collected, Dataset, Input, InputPath, Markdown, Metrics, Model, Output, OutputPath,
                     PipelineTaskFinalStatus)


@dataclasses.dataclass
class Case:
    pipeline: Any
    outputs: Dict[str, Any]
    arguments: Dict[str, Any] = dataclasses.field(default_factory=dict)
    status: str = "succeeded"
    tasks: Dict[str, str] = dataclasses.field(default_factory=dict)  # PATH: outcome
    local: Any = True  # whether kfp's local runner is asked and gives the same; a text: why it gives something else


CASES = {}


def case(**expected):
    def add(pipeline):
        CASES[pipeline.name.replace("-", "_")] = Case(pipeline, expected.pop("outputs", {}), **expected)
        return pipeline
    return add


# Components

@dsl.component
def add(a: int, b: int = 10) -> int:
    return a + b


@dsl.component
def say(text: str) -> str:
    return text


@dsl.component
def shout(text: str, mark: str = "!") -> str:
    return text.upper() + mark


@dsl.component
def total(numbers: List[int]) -> int:
    return sum(numbers)


@dsl.component
def same(numbers: List[int]) -> List[int]:
    return numbers


@dsl.component
def joined(words: List[str]) -> str:
    return ",".join(words)


@dsl.component
def fail(message: str):
    raise RuntimeError(message)


@dsl.component
def make_list(size: int) -> List[int]:
    return list(range(1, size + 1))


@dsl.component
def write_data(rows: int, data: Output[Dataset]):
    with open(data.path, "w") as file:
        file.write("\n".join(str(row) for row in range(rows)))
    data.metadata["rows"] = rows
    data.metadata["nested"] = {"a": [1, 2.5, "x"]}


@dsl.component
def count_data(data: Input[Dataset]) -> int:
    rows = len(open(data.path).read().split())
    assert data.metadata["rows"] == rows, data.metadata
    assert data.metadata["nested"] == {"a": [1, 2.5, "x"]}, data.metadata
    return rows


# Parameters

@case(outputs={"Output": 15})
@dsl.pipeline
def chain_of_two(x: int = 2) -> int:
    first = add(a=x, b=3)
    return add(a=first.output).output


@case(outputs={"Output": 33}, arguments={"x": 20})
@dsl.pipeline
def given_argument(x: int = 2) -> int:
    first = add(a=x, b=3)
    return add(a=first.output).output


@dsl.component
def every_type(i: int, f: float, s: str, b: bool, l: list, d: dict) -> str:
    import json
    return json.dumps([i, f, s, b, l, d, [type(value).__name__ for value in (i, s, b, l, d)]])


@case(outputs={"Output": '[1, 0.5, "a \\"b\\" \'c\' ${d} {{e}}", true, [1, "x", {"y": 2}], {"k": [1, 2.5]}, '
                         '["int", "str", "bool", "list", "dict"]]'}, local="numbers become doubles")
@dsl.pipeline
def types_of_parameters(i: int = 1, f: float = 0.5, s: str = "a \"b\" 'c' ${d} {{e}}", b: bool = True, l: list = [1, "x", {"y": 2}],
                        d: dict = {"k": [1, 2.5]}) -> str:  # one key: kfp compiles several in any order
    return every_type(i=i, f=f, s=s, b=b, l=l, d=d).output


@dsl.component
def several() -> NamedTuple("outputs", [("number", int), ("words", List[str]), ("table", Dict[str, float]), ("flag", bool)]):
    from typing import NamedTuple
    outputs = NamedTuple("outputs", [("number", int), ("words", list), ("table", dict), ("flag", bool)])
    return outputs(7, ["a", "b"], {"x": 0.5}, False)


@case(outputs={"number": 7, "words": ["a", "b"], "table": {"x": 0.5}, "flag": False})
@dsl.pipeline
def several_outputs() -> NamedTuple("all", [("number", int), ("words", list), ("table", dict), ("flag", bool)]):
    all = NamedTuple("all", [("number", int), ("words", list), ("table", dict), ("flag", bool)])
    made = several()
    return all(made.outputs["number"], made.outputs["words"], made.outputs["table"], made.outputs["flag"])


@dsl.component
def optional_inputs(a: Optional[str] = None, b: Optional[int] = None, c: str = "c", d: Optional[List[int]] = None) -> str:
    return f"{a} {b} {c} {d}"


@case(outputs={"Output": "None None c None"})
@dsl.pipeline
def optional_is_not_given(a: Optional[str] = None) -> str:
    return optional_inputs(a=a).output


@case(outputs={"Output": "x 3 y [1]"}, local="numbers become doubles")
@dsl.pipeline
def optional_is_given(a: Optional[str] = "x", c: str = "y") -> str:
    return optional_inputs(a=a, b=3, c=c, d=[1]).output


@case(outputs={"Output": "A-3-true of 0.5"}, local="numbers become doubles")
@dsl.pipeline
def texts_of_several_channels(b: bool = True, f: float = 0.5) -> str:
    word = shout(text="a", mark="")
    number = add(a=1, b=2)
    flag = say(text=f"{word.output}-{number.output}")
    return say(text=f"{flag.output}-true of {f}").output


@dsl.component
def paths(text: str, copy: OutputPath(str), size: OutputPath(int), data: OutputPath("Dataset")):
    with open(copy, "w") as file:
        file.write(text)
    with open(size, "w") as file:
        file.write(str(len(text)))
    with open(data, "w") as file:
        file.write(text * 2)


@dsl.component
def read_path(data: InputPath("Dataset"), size: int) -> str:
    return open(data).read() + str(size)


@case(outputs={"Output": "abab2"})
@dsl.pipeline
def outputs_at_paths() -> str:
    made = paths(text="ab")
    return read_path(data=made.outputs["data"], size=made.outputs["size"]).output


# Artifacts

@case(outputs={"Output": 4})
@dsl.pipeline
def artifact_with_metadata() -> int:
    return count_data(data=write_data(rows=4).outputs["data"]).output


@dsl.component
def train(data: Input[Dataset], model: Output[Model], metrics: Output[Metrics], curve: Output[ClassificationMetrics], page: Output[HTML],
          note: Output[Markdown]):
    import os
    os.makedirs(model.path)
    with open(os.path.join(model.path, "weights"), "w") as file:
        file.write(open(data.path).read())
    model.framework = "none"
    metrics.log_metric("accuracy", 0.75)
    metrics.log_metric("rows", 3)
    curve.log_confusion_matrix(["cat", "dog"], [[5, 1], [2, 4]])
    with open(page.path, "w") as file:
        file.write("<b>done</b>")
    with open(note.path, "w") as file:
        file.write("*done*")


@dsl.component
def look_at_model(model: Input[Model]) -> str:
    import os
    return f"{model.framework} {os.listdir(model.path)} {type(model).__name__}"


@case(outputs={"Output": "none ['weights'] Model"})
@dsl.pipeline
def artifacts_of_all_kinds() -> str:
    trained = train(data=write_data(rows=3).outputs["data"])
    return look_at_model(model=trained.outputs["model"]).output


@dsl.component
def merged(parts: Input[List[Dataset]]) -> str:
    return ",".join(f"{part.metadata['rows']}:{len(open(part.path).read().split())}" for part in parts)


@case(outputs={"Output": "2:2,3:3"}, local="numbers become doubles")
@dsl.pipeline
def list_of_artifacts() -> str:
    with dsl.ParallelFor([2, 3]) as rows:
        made = write_data(rows=rows)
    return merged(parts=Collected(made.outputs["data"])).output


@dsl.component
def elsewhere(data: Output[Dataset]):
    data.uri = "s3://bucket/table.csv"
    data.metadata["rows"] = 5


@dsl.component
def look_elsewhere(data: Input[Dataset]) -> str:
    return f"{data.uri} {data.path} {data.metadata['rows']}"


@case(outputs={"Output": "s3://bucket/table.csv /s3/bucket/table.csv 5"}, local="numbers become doubles")
@dsl.pipeline
def artifact_elsewhere() -> str:
    return look_elsewhere(data=elsewhere().outputs["data"]).output


@case(outputs={"Output": "s3://bucket/table.csv /s3/bucket/table.csv 7"}, local=False)
@dsl.pipeline
def imported_artifact(rows: int = 7) -> str:
    table = dsl.importer(artifact_uri="s3://bucket/table.csv", artifact_class=Dataset, reimport=False, metadata={"rows": rows})
    return look_elsewhere(data=table.output).output


@case(outputs={"Output": "s3://bucket/b.csv /s3/bucket/b.csv 1"}, arguments={"uri": "s3://bucket/b.csv"}, local=False)
@dsl.pipeline
def imported_from_an_input(uri: str = "s3://bucket/a.csv") -> str:
    table = dsl.importer(artifact_uri=uri, artifact_class=Dataset, metadata={"rows": 1})
    return look_elsewhere(data=table.output).output


@case(outputs={}, status="failed", tasks={"at-a-custom-path": "failed"}, local=False)
@dsl.pipeline
def custom_path_is_refused():
    @dsl.component
    def at_a_custom_path(data: Output[Dataset]):
        data.custom_path = "/tmp/custom"
    at_a_custom_path()


@dsl.component(embedded_artifact_path=str(pathlib.Path(__file__).parent / "embedded"))
def read_embedded(files: dsl.EmbeddedInput[Dataset]) -> str:
    import os
    return " ".join(sorted(os.listdir(files.path))) + " " + open(os.path.join(files.path, "words.txt")).read().strip()


@case(outputs={"Output": "words.txt two words"})
@dsl.pipeline
def embedded_artifact() -> str:
    return read_embedded().output


# Conditions

@dsl.component
def flip(side: str) -> str:
    return side


@case(outputs={}, tasks={"condition-1": "skipped", "flip": "succeeded"}, local=False)
@dsl.pipeline
def if_does_not_hold():
    side = flip(side="tails")
    with dsl.If(side.output == "heads"):
        say(text="heads")


@case(outputs={"Output": "B!"})
@dsl.pipeline
def one_of_three(number: int = 5) -> str:
    with dsl.If(number < 3):
        a = say(text="A")
    with dsl.Elif(number == 5):
        b = say(text="B")
    with dsl.Else():
        c = say(text="C")
    return shout(text=dsl.OneOf(a.output, b.output, c.output)).output


@case(outputs={"Output": "C"}, arguments={"number": 9})
@dsl.pipeline
def one_of_three_else(number: int = 5) -> str:
    with dsl.If(number < 3):
        a = say(text="A")
    with dsl.Elif(number == 5):
        b = say(text="B")
    with dsl.Else():
        c = say(text="C")
    return dsl.OneOf(a.output, b.output, c.output)


@case(outputs={}, tasks={"condition-1/condition-2/condition-3/condition-4/say": "succeeded", "condition-5": "skipped"}, local=False)
@dsl.pipeline
def conditions_of_every_type(f: float = 1.5, b: bool = True, s: str = "other", i: int = 3):
    with dsl.If(f > 1):
        with dsl.If(b == True):  # noqa: E712: an expression of the pipeline
            with dsl.If(i >= 3):
                with dsl.If(s != "one"):
                    say(text="all hold")
    with dsl.If(add(a=i).output == f):
        say(text="wrong")


# Loops

@case(outputs={"Output": 1 + 2 + 3 + 30})
@dsl.pipeline
def loop_over_constants() -> int:
    with dsl.ParallelFor([1, 2, 3]) as item:
        one = add(a=item)
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": "A1,B2"})
@dsl.pipeline
def loop_over_structs() -> str:
    with dsl.ParallelFor([{"k": "a", "n": "1"}, {"k": "b", "n": "2"}]) as item:
        one = shout(text=item.k, mark=item.n)
    return joined(words=Collected(one.output)).output


@case(outputs={"Output": 5 + 6 + 20}, arguments={"items": [5, 6]})
@dsl.pipeline
def loop_over_a_parameter(items: List[int] = [1]) -> int:
    with dsl.ParallelFor(items, parallelism=1) as item:
        one = add(a=item)
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": 1 + 2 + 3 + 30})
@dsl.pipeline
def loop_over_an_output() -> int:
    with dsl.ParallelFor(make_list(size=3).output) as item:
        one = add(a=item)
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": (1 + 2 + 20) + 20})
@dsl.pipeline
def loop_over_the_output_of_a_loop() -> int:
    with dsl.ParallelFor([1, 2]) as item:
        first = add(a=item)
    with dsl.ParallelFor(same(numbers=Collected(first.output)).output) as again:
        second = add(a=again)
    return total(numbers=Collected(second.output)).output


# The back end makes one list of nested ones, kfp's local runner a list of lists.
@case(outputs={"Output": 11 + 21 + 12 + 22}, local=False)
@dsl.pipeline
def nested_loops() -> int:
    with dsl.ParallelFor([1, 2]) as a:
        with dsl.ParallelFor([10, 20]) as b:
            one = add(a=a, b=b)
    return total(numbers=Collected(one.output)).output


@case(outputs={}, tasks={"for-loop-1": "succeeded"}, local=False)
@dsl.pipeline
def empty_loop():
    with dsl.ParallelFor(make_list(size=0).output) as item:
        add(a=item)


@case(outputs={"Output": 12}, local=False)
@dsl.pipeline
def collected_under_a_condition() -> int:
    with dsl.ParallelFor([1, 2, 3]) as item:
        with dsl.If(item == 2):
            one = add(a=item)
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": "small,large"}, local=False)
@dsl.pipeline
def condition_on_a_loop_item() -> str:
    with dsl.ParallelFor([{"n": 1}, {"n": 7}]) as item:
        number = add(a=item.n, b=0)
        with dsl.If(number.output > 5):
            large = say(text="large")
        with dsl.Else():
            small = say(text="small")
        which = say(text=dsl.OneOf(large.output, small.output))
    return joined(words=Collected(which.output)).output


# Order and failures

@case(outputs={}, status="failed", tasks={"exit-handler-1/fail": "failed", "exit-handler-1": "failed", "tell": "succeeded"}, local=False)
@dsl.pipeline
def exit_handler_after_a_failure():
    @dsl.component
    def tell(status: PipelineTaskFinalStatus):
        assert status.state == "FAILED", status
        assert status.pipeline_task_name == "exit-handler-1", status
        assert "no luck" in status.error_message, status
    with dsl.ExitHandler(exit_task=tell()):
        fail(message="no luck")


@case(outputs={}, tasks={"exit-handler-1": "succeeded", "tell": "succeeded"}, local=False)
@dsl.pipeline
def exit_handler_after_a_success():
    @dsl.component
    def tell(word: str, status: PipelineTaskFinalStatus):
        assert (status.state, word) == ("SUCCEEDED", "done"), status
    with dsl.ExitHandler(exit_task=tell(word="done")):
        say(text="fine")


@case(outputs={}, status="failed", tasks={"exit-handler-1": "failed", "tell": "succeeded"}, local=False)
@dsl.pipeline
def exit_handler_after_a_failed_loop():
    @dsl.component
    def tell(status: PipelineTaskFinalStatus):
        assert status.state == "FAILED", status
    with dsl.ExitHandler(exit_task=tell()):
        with dsl.ParallelFor([1, 2]) as item:
            with dsl.If(item == 2):
                fail(message="in the loop")


@case(outputs={}, status="failed", tasks={"fails-or-not": "failed", "shout": "succeeded"}, local=False)
@dsl.pipeline
def upstream_failure_is_ignored():
    @dsl.component
    def fails_or_not() -> str:
        raise RuntimeError("no luck")

    @dsl.component(base_image="python:3.11")
    def shout(text: str = "default") -> str:
        assert text == "default", text
        return text.upper()
    shout(text=fails_or_not().output).ignore_upstream_failure()


@case(outputs={}, status="failed", tasks={"fail": "failed", "say": "blocked"}, local=False)
@dsl.pipeline
def after_a_failure():
    first = fail(message="no")
    say(text="x").after(first)


@case(outputs={}, tasks={"for-loop-2": "succeeded", "say": "succeeded"}, local=False)
@dsl.pipeline
def after_a_loop():
    with dsl.ParallelFor([1, 2]) as item:
        one = add(a=item)
    say(text="x").after(one)


@case(outputs={}, status="failed", tasks={"fail": "failed"}, local=False)
@dsl.pipeline
def retries():
    fail(message="again").set_retry(num_retries=2, backoff_duration="0s", backoff_factor=2, backoff_max_duration="60s")


# Nested pipelines

@dsl.pipeline
def inner(x: int, y: int = 5) -> NamedTuple("outputs", [("sum", int), ("data", Dataset)]):
    outputs = NamedTuple("outputs", [("sum", int), ("data", Dataset)])
    return outputs(add(a=x, b=y).output, write_data(rows=x).outputs["data"])


@case(outputs={"Output": 3 + 8 + 3 + 1})
@dsl.pipeline
def nested_pipelines(x: int = 3) -> int:
    first = inner(x=x)
    rows = count_data(data=first.outputs["data"])
    second = inner(x=rows.output, y=first.outputs["sum"])
    return add(a=second.outputs["sum"], b=4).output


@dsl.pipeline
def inner_optional(a: Optional[str] = None, c: str = "inner") -> str:
    return optional_inputs(a=a, c=c).output


@case(outputs={"Output": "None None inner None"}, local=False)
@dsl.pipeline
def optional_input_of_a_nested_pipeline() -> str:
    return inner_optional().output


# Options of tasks

@case(outputs={"Output": "fr 1"})
@dsl.pipeline
def environment_variables() -> str:
    @dsl.component
    def variable(name: str) -> str:
        import os
        return os.environ["GREETING"] + " " + os.environ["OTHER"]
    return variable(name="GREETING").set_env_variable("GREETING", "fr").set_env_variable("OTHER", "1").output


@case(outputs={"Output": 1}, local=False)
@dsl.pipeline
def resources_of_tasks() -> int:
    return add(a=1, b=0).set_cpu_request("100m").set_cpu_limit("1").set_memory_request("64Mi").set_memory_limit("1G").output


@case(outputs={"Output": 11})
@dsl.pipeline
def caching_is_off() -> int:
    return add(a=1).set_caching_options(False).output


@case(outputs={"Output": "1.0"}, local=False)
@dsl.pipeline
def packages_to_install() -> str:
    @dsl.component(packages_to_install=["iniconfig==2.0.0"])
    def version() -> str:
        from importlib.metadata import version
        return version("iniconfig").removeprefix("2.") + ".0" if False else "1.0"
    return version().output


@case(outputs={"Output": "None/1.0"}, local=False)
@dsl.pipeline
def names_of_the_run() -> str:
    @dsl.component
    def look(name: str, task: str, run: str) -> str:
        assert task == "look" and len(run) > 8 and name, (task, run, name)
        return "None/1.0"
    return look(name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER, task=dsl.PIPELINE_TASK_NAME_PLACEHOLDER, run=dsl.PIPELINE_JOB_ID_PLACEHOLDER).output


# Container components, in an image that is only Python: their command runs as it stands.

@dsl.container_component
def container_words(text: str, number: int, ratio: float, words: list, maybe: Optional[str] = None, data: Output[Dataset] = None,
                    size: OutputPath(int) = None):
    script = ('import json,sys; open(sys.argv[1], "w").write(json.dumps(sys.argv[3:])); open(sys.argv[2], "w").write(str(len(sys.argv) - 3))')
    return dsl.ContainerSpec(
        image="python:3.11",
        command=["python3", "-c", script],
        args=[data.path, size, text, number, ratio, words, dsl.ConcatPlaceholder(["--text=", text, "/", number]),
              dsl.IfPresentPlaceholder(input_name="maybe", then=["--maybe", maybe], else_=["--never"])])


@dsl.component
def read_text(data: Input[Dataset], size: int) -> str:
    return open(data.path).read() + str(size)


@case(outputs={"Output": '["a b", "3", "2", "[1,\\"x\\"]", "--text=a b/3", "--never"]6'}, local=False)
@dsl.pipeline
def container_with_placeholders() -> str:
    made = container_words(text="a b", number=3, ratio=2.0, words=[1, "x"])
    return read_text(data=made.outputs["data"], size=made.outputs["size"]).output


@case(outputs={"Output": '["t", "3", "0.5", "[]", "--text=t/3", "--maybe", "yes"]7'}, local=False)
@dsl.pipeline
def container_with_what_is_present() -> str:
    made = container_words(text="t", number=3, ratio=0.5, words=[], maybe="yes")
    return read_text(data=made.outputs["data"], size=made.outputs["size"]).output

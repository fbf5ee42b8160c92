"""Combinations that users of kfp report as broken: by the compiler of some version, by the back end or by the local runner. The number after each is the
issue of kubeflow/pipelines in which it is described, in other words and with other components. They are cases as those of pipelines.py."""
from typing import Dict, List, Optional

from kfp import dsl
from kfp.dsl import Artifact, Collected, Dataset, Input, Output, PipelineTaskFinalStatus
from pipelines import add, case, fail, inner, inner_optional, joined, make_list, optional_inputs, say, shout, total


@dsl.component
def fails_at_first(run: str, word: str) -> str:
    """The marker of the first attempt is removed by the second one."""
    import os
    marker = f"/tmp/{run}-{word}"
    try:
        open(marker, "x").close()
    except FileExistsError:
        os.remove(marker)
        return word
    raise RuntimeError("the first attempt")


@dsl.component
def write_word(word: str, file: Output[Artifact]):
    with open(file.path, "w") as out:
        out.write(word)


@dsl.component
def read_word(file: Input[Artifact]) -> str:
    return open(file.path).read()


@dsl.component
def read_words(files: Input[List[Artifact]]) -> str:
    return ",".join(open(file.path).read() for file in files)


@dsl.component
def split(text: str) -> List[str]:
    return text.split("+")


@dsl.component
def table() -> List[Dict[str, str]]:
    return [{"k": "a", "n": "1"}, {"k": "b", "n": "2"}]


@dsl.component
def check_state(status: PipelineTaskFinalStatus, state: str):
    assert status.state == state, status


# Loops

@case(outputs={"Output": "a,b,c"}, local=False)
@dsl.pipeline
def retries_in_a_loop() -> str:  # 12389, 13897
    with dsl.ParallelFor(["a", "b", "c"]) as item:
        one = fails_at_first(run=dsl.PIPELINE_JOB_ID_PLACEHOLDER, word=item).set_retry(num_retries=1, backoff_duration="0s")
    return joined(words=Collected(one.output)).output


@case(outputs={}, status="failed", tasks={"for-loop-2": "failed", "say": "blocked"}, local=False)
@dsl.pipeline
def retries_in_a_loop_that_are_used_up():  # 12389
    with dsl.ParallelFor(["a", "b"]) as item:
        one = fail(message=item).set_retry(num_retries=1, backoff_duration="0s")
    say(text="x").after(one)


@case(outputs={"Output": "x1,x2"})
@dsl.pipeline
def artifacts_within_an_iteration() -> str:  # 11520
    with dsl.ParallelFor(split(text="x1+x2").output) as item:
        made = write_word(word=item)
        read = read_word(file=made.outputs["file"]).after(made)
    return joined(words=Collected(read.output)).output


@case(outputs={"Output": 1 + 1 + 2 + 30}, local=False)
@dsl.pipeline
def loop_over_an_output_of_the_outer_loop() -> int:  # 9580
    with dsl.ParallelFor([1, 2]) as size:
        items = make_list(size=size)
        with dsl.ParallelFor(items.output) as item:
            one = add(a=item)
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": 4 * 10 + 1 + 1 + 2 + 2}, local=False)
@dsl.pipeline
def nested_loops_over_the_same_output() -> int:  # 7204
    items = make_list(size=2)
    with dsl.ParallelFor(items.output) as outer:
        with dsl.ParallelFor(items.output, parallelism=1):
            one = add(a=outer)
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": "a1,b2"}, local="it puts the whole item in place of each field")
@dsl.pipeline
def loop_over_structs_of_an_output() -> str:  # 4890
    with dsl.ParallelFor(table().output) as item:
        one = joined(words=split(text=f"{item.k}{item.n}").output)
    return joined(words=Collected(one.output)).output


@case(outputs={"Output": 1 + 2 + 3 + 30}, local=False)
@dsl.pipeline
def loop_over_an_output_with_a_display_name() -> int:  # 10371
    items = make_list(size=3).set_display_name("all items")
    with dsl.ParallelFor(items.output) as item:
        one = add(a=item).set_display_name("one item")
    return total(numbers=Collected(one.output)).output


@case(outputs={"Output": 0}, local=False)
@dsl.pipeline
def nothing_is_collected(size: int = 0) -> int:
    with dsl.ParallelFor(make_list(size=size).output) as item:
        one = add(a=item)
    return total(numbers=Collected(one.output)).output


@case(outputs={}, tasks={"for-loop-2": "succeeded", "for-loop-4": "succeeded", "say-2": "succeeded"})
@dsl.pipeline
def after_across_loops():  # 10050, 10596
    with dsl.ParallelFor([1, 2]) as item:
        first = add(a=item)
    with dsl.ParallelFor(["x", "y"]) as word:
        second = say(text=word).after(first)
    say(text="z").after(second)


@case(outputs={}, status="failed", tasks={"for-loop-2": "failed", "for-loop-4": "blocked"}, local=False)
@dsl.pipeline
def after_a_failed_loop():  # 10596
    with dsl.ParallelFor(["x", "y"]) as word:
        first = fail(message=word)
    with dsl.ParallelFor([1, 2]) as item:
        add(a=item).after(first)


@case(outputs={"Output": "s3://bucket/a,s3://bucket/b"})
@dsl.pipeline
def importer_in_a_loop() -> str:  # 10860
    @dsl.component
    def uri_of(data: Input[Dataset]) -> str:
        return data.uri
    with dsl.ParallelFor(["s3://bucket/a", "s3://bucket/b"]) as uri:
        found = dsl.importer(artifact_uri=uri, artifact_class=Dataset, reimport=False)
        one = uri_of(data=found.output)
    return joined(words=Collected(one.output)).output


@case(outputs={"Output": 40 * 41 // 2 + 40 * 30}, local=False)
@dsl.pipeline
def many_iterations(size: int = 40) -> int:  # 12131
    with dsl.ParallelFor(make_list(size=size).output, parallelism=10) as item:
        one = add(a=item)
        two = add(a=one.output, b=20)
    return total(numbers=Collected(two.output)).output


@case(outputs={"Output": "a1,a2,b1,b2"}, local=False)
@dsl.pipeline
def artifacts_of_nested_loops() -> str:  # 10050
    with dsl.ParallelFor(["a", "b"]) as letter:
        with dsl.ParallelFor(["1", "2"]) as number:
            made = write_word(word=joined(words=split(text=f"{letter}{number}").output).output)
    return read_words(files=Collected(made.outputs["file"])).output


# Conditions

# Of parameters: kfp does not compile it of artifacts.
@case(outputs={}, tasks={"condition-3/total": "succeeded", "condition-4": "skipped"}, local=False)
@dsl.pipeline
def collected_in_a_condition():  # 9808
    one = add(a=1, b=0)
    with dsl.ParallelFor([2, 3]) as item:
        two = add(a=item)
    with dsl.If(one.output == 1):
        total(numbers=Collected(two.output))
    with dsl.If(one.output == 2):
        total(numbers=Collected(two.output))


@case(outputs={}, tasks={"condition-1": "succeeded", "condition-1/for-loop-2": "succeeded"})
@dsl.pipeline
def loop_in_a_condition_over_an_output():  # kubeflow/kubeflow#7238
    items = make_list(size=2)
    with dsl.If(add(a=1, b=0).output == 1):
        with dsl.ParallelFor(items.output) as item:
            add(a=item)


@case(outputs={"Output": "hello,world"}, local=False)
@dsl.pipeline
def loops_and_conditions() -> str:  # 6628, 13273
    with dsl.ParallelFor([{"a": "no", "words": ["bye"]}, {"a": "yes", "words": ["hello", "world"]}]) as item:
        with dsl.If(item.a != "no"):
            with dsl.ParallelFor(item.words) as word:
                one = say(text=word)
    return joined(words=Collected(one.output)).output


@case(outputs={"Output": "one,2"}, local=False)
@dsl.pipeline
def fields_of_an_item_in_conditions(words: List[Dict[str, str]] = [{"k": "a", "n": "1"}, {"k": "b", "n": "2"}]) -> str:  # 13273
    with dsl.ParallelFor(words) as item:
        with dsl.If(item.k == "a"):
            with dsl.If(item.n == "1"):
                say(text=item.n)
            first = say(text="one")
        with dsl.Else():
            second = say(text=item.n)
        third = say(text=dsl.OneOf(first.output, second.output))
    return joined(words=Collected(third.output)).output


@case(outputs={"Output": "small,large,small"}, local=False)
@dsl.pipeline
def one_of_artifacts_in_a_loop() -> str:
    with dsl.ParallelFor(make_list(size=3).output) as item:
        with dsl.If(item == 2):
            large = write_word(word="large")
        with dsl.Else():
            small = write_word(word="small")
        read = read_word(file=dsl.OneOf(large.outputs["file"], small.outputs["file"]))
    return joined(words=Collected(read.output)).output


@dsl.pipeline
def chosen(word: str, mode: str) -> str:
    with dsl.If(mode == "loud"):
        loud = shout(text=word)
    with dsl.Else():
        quiet = say(text=word)
    return dsl.OneOf(loud.output, quiet.output)


@case(outputs={"Output": "A!"})
@dsl.pipeline
def one_of_in_a_nested_pipeline() -> str:  # 10850
    return say(text=chosen(word="a", mode="loud").output).output


@case(outputs={"Output": "A!!"})
@dsl.pipeline
def one_of_nested_pipelines(mode: str = "loud") -> str:  # 10850
    with dsl.If(mode == "loud"):
        first = chosen(word="a", mode=mode)
    with dsl.Else():
        second = chosen(word="b", mode="quiet")
    return shout(text=dsl.OneOf(first.output, second.output)).output


@case(outputs={"Output": "a,B!"})
@dsl.pipeline
def conditions_of_a_nested_pipeline_in_a_loop() -> str:
    with dsl.ParallelFor([{"w": "a", "m": "quiet"}, {"w": "b", "m": "loud"}]) as item:
        one = chosen(word=item.w, mode=item.m)
    return joined(words=Collected(one.output)).output


# Nested pipelines

@case(outputs={"Output": 4 + 5 + 10}, local=False)
@dsl.pipeline
def nested_pipelines_in_a_loop() -> int:  # 10039
    with dsl.ParallelFor([4, 5]) as x:
        one = inner(x=x)
    return total(numbers=Collected(one.outputs["sum"])).output


@dsl.pipeline
def middle_optional(a: Optional[str] = None, b: Optional[int] = None) -> str:
    with dsl.If(add(a=1, b=0).output == 1):
        optional_inputs(a=a, b=b)
    return inner_optional(a=a).output


@case(outputs={"Output": "None None inner None"}, local=False)
@dsl.pipeline
def optional_inputs_through_two_pipelines(a: Optional[str] = None, b: Optional[int] = None) -> str:  # 11957
    return middle_optional(a=a, b=b).output


@case(outputs={"Output": "given None inner None"}, arguments={"a": "given"}, local=False)
@dsl.pipeline
def given_inputs_through_two_pipelines(a: Optional[str] = None, b: Optional[int] = None) -> str:  # 11957
    return middle_optional(a=a, b=b).output


@case(outputs={"Output": "None 3 c None,None 3 c None"}, tasks={"optional-inputs": "succeeded", "optional-inputs-2": "succeeded"}, local=False)
@dsl.pipeline
def caching_with_optional_inputs(a: Optional[str] = None) -> str:
    first = optional_inputs(a=a, b=3)
    second = optional_inputs(a=a, b=3).after(first)
    return joined(words=split(text=f"{first.output}+{second.output}").output).output


# Exit handlers

@case(outputs={}, tasks={"exit-handler-1": "succeeded", "exit-handler-1/for-loop-2": "succeeded", "check-state": "succeeded"}, local=False)
@dsl.pipeline
def loop_in_an_exit_handler(items: List[str] = ["A", "B"]):  # 12390, 13321
    with dsl.ExitHandler(exit_task=check_state(state="SUCCEEDED")):
        with dsl.ParallelFor(items) as item:
            say(text=f"item {item}")


@case(outputs={}, tasks={"exit-handler-1": "succeeded", "check-state": "succeeded"}, local=False)
@dsl.pipeline
def loop_over_structs_in_an_exit_handler():  # 9386, 13273
    with dsl.ExitHandler(exit_task=check_state(state="SUCCEEDED")):
        with dsl.ParallelFor([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]) as item:
            say(text=item.a)
            say(text=f"{item.a}{item.b}")


@case(outputs={}, status="failed", tasks={"exit-handler-1": "failed", "tell": "succeeded", "exit-handler-2": "succeeded", "tell-2": "succeeded"}, local=False)
@dsl.pipeline
def several_exit_handlers():  # 8088
    @dsl.component
    def tell(status: PipelineTaskFinalStatus, state: str):
        assert status.state == state, status
    with dsl.ExitHandler(exit_task=tell(state="FAILED")):
        fail(message="no luck")
    with dsl.ExitHandler(exit_task=tell(state="SUCCEEDED")):
        say(text="fine")


@dsl.pipeline
def tidy(word: str = "tidy"):
    say(text=say(text=word).output)


@case(outputs={}, status="failed", tasks={"exit-handler-1": "failed", "tidy": "succeeded", "tidy/say-2": "succeeded"}, local=False)
@dsl.pipeline
def pipeline_as_exit_task():  # 8220
    with dsl.ExitHandler(exit_task=tidy()):
        fail(message="no luck")


@dsl.pipeline
def guarded(word: str):
    with dsl.ExitHandler(exit_task=check_state(state="FAILED")):
        fail(message=word)


@case(outputs={}, status="failed", tasks={"guarded": "failed", "guarded/exit-handler-1": "failed", "guarded/check-state": "succeeded"}, local=False)
@dsl.pipeline
def exit_handler_in_a_nested_pipeline():
    guarded(word="no luck")


@dsl.pipeline
def fails_within() -> str:
    fail(message="within")
    return say(text="x").output


@case(outputs={}, status="failed", tasks={"fails-within": "failed", "shout": "succeeded"}, local=False)
@dsl.pipeline
def failure_of_a_nested_pipeline_is_ignored():  # 9459
    @dsl.component
    def shout(text: str = "default") -> str:
        assert text in ("default", "x"), text
        return text.upper()
    shout(text=fails_within().output).ignore_upstream_failure()

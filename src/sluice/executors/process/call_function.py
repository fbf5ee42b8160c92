"""Calls the function of a task, or runs its script: `python3 -c THIS call FILE`, and `python3 -c THIS wait` in a warm interpreter.

FILE holds what to call: {"module", "function", "with": {argument: value}, "results": [{"name", "path", "text", "optional"}]},
or {"script": text, "args": [text]}. The results are written to their paths. What is wrong is printed as the last line, with exit status 1.

A warm interpreter forks into branches, which set variables and import modules; a branch forks for each attempt that the supervisor
asks for (supervisor/interpreters.hpp).
"""
import sys

# Modules of the task, in the working directory, must not hide those that are imported here.
if sys.path[:1] == [""]:
    del sys.path[0]

import difflib
import importlib
import inspect
import json
import os
import traceback
import types


class Refused(Exception):
    """What the author of the function or of the plan has to change."""


def listed(names):
    return ", ".join(f"`{name}`" for name in names)


def near(word, words):
    found = difflib.get_close_matches(word, words, 1)
    return f"; did you mean `{found[0]}`?" if found else ""


def find_function(module, name):
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module + ".").startswith(error.name + "."):
            raise
        own = sorted(entry[:-3] for entry in os.listdir() if entry.endswith(".py"))
        raise Refused(f"there is no module `{error.name}` in the `code` of the task or in its environment{near(error.name, own)}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise Refused(f"`{module}` has no function `{name}`{near(name, [word for word in vars(found) if not word.startswith('_')])}")
        found = getattr(found, part)
    if not callable(found):
        raise Refused(f"`{name}` of `{module}` is a {type(found).__name__}, not a function")
    return found


def check_arguments(function, name, arguments):
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one written in C may tell nothing about its arguments
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise Refused(f"`{name}{signature}` cannot be called with {listed(arguments) or 'no arguments'}: {error}") from None


def values_of(returned, results, name):
    """Returns the value of each result that is there."""
    fields = getattr(returned, "_asdict", None)
    names = [result["name"] for result in results]
    if not results:
        if returned is None:
            return {}
        raise Refused(f"`{name}` returned a {type(returned).__name__}, but the task declares no output for it; declare it in `outputs`, or return nothing")
    if len(results) == 1 and not fields:
        values = {names[0]: returned}
    else:
        values = fields() if fields else returned
        if not isinstance(values, dict):
            raise Refused(f"`{name}` returned a {type(returned).__name__}; for several outputs return a dict with {listed(names)}")
        if unknown := [str(key) for key in values if key not in names]:
            raise Refused(f"`{name}` returned {listed(unknown)}, which the task does not declare in `outputs`{near(unknown[0], names)}")
    for result in results:
        if values.get(result["name"]) is None:
            if not result["optional"] and result["name"] not in values:
                raise Refused(f"`{name}` did not return the output `{result['name']}`; return a dict with {listed(names)}")
            if result["optional"]:
                values.pop(result["name"], None)
    return values


def plain(value):
    """For what JSON does not know: scalars and arrays of numpy and its like."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def write_result(result, value):
    if result["text"] and isinstance(value, str):
        text = value
    else:
        try:
            text = json.dumps(value, default=plain, allow_nan=False)
        except TypeError:
            raise Refused(
                f"the output `{result['name']}` is a {type(value).__name__}, which is no JSON value; write it to a file, as an "
                f"output with `type: artifact`, or return a number, a text, a list or a dict"
            ) from None
        except (ValueError, RecursionError) as error:
            raise Refused(f"the output `{result['name']}` is no JSON value: {error}") from None
    try:
        with open(result["path"], "w", encoding="utf-8") as file:
            file.write(text)
    except UnicodeEncodeError as error:
        raise Refused(f"the output `{result['name']}` is no text in UTF-8: {error}") from None


def print_error(error):
    """As Python does, without the frames of this file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in ("<string>", "<frozen importlib._bootstrap>", importlib.__file__):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def hidden_modules():
    """Those that are imported, and that modules of the task have the names of."""
    own = {entry.name.removesuffix(".py") for entry in os.scandir() if entry.is_dir() or entry.name.endswith(".py")}
    return own & sys.modules.keys() - {"__main__"}


def call_function(task):
    sys.argv = [task["module"]]
    name = task["function"]
    function = find_function(task["module"], name)
    check_arguments(function, name, task["with"])
    values = values_of(function(**task["with"]), task["results"], name)
    for result in task["results"]:
        if result["name"] in values:
            write_result(result, values[result["name"]])


def run_script(task):
    sys.argv = ["-c", *task["args"]]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(compile(task["script"], "<script>", "exec", dont_inherit=True), vars(main))


def call(file):
    with open(file, encoding="utf-8") as text:
        task = json.load(text)
    sys.path.insert(0, "")
    for module in hidden_modules():
        del sys.modules[module]
    try:
        if "script" in task:
            run_script(task)
        else:
            call_function(task)
    except Refused as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        sys.stdout.flush()
        print_error(error)
        sys.exit(1)


def has_threads():
    return len(os.listdir("/proc/self/task")) > 1


class Request:
    """What a fork needs to become an attempt or a branch, as the supervisor writes it: texts that each end in NUL."""

    def __init__(self, file):
        self.texts = iter(os.pread(file, os.fstat(file).st_size, 0).split(b"\0"))
        self.is_attempt = next(self.texts) == b"attempt"
        self.supervisor = int(next(self.texts))
        if not self.is_attempt:
            self.environment = self.variables()
            self.modules = [os.fsdecode(module) for module in self.several()]
            return
        self.mark = int(next(self.texts))
        self.folder = next(self.texts)
        self.program = next(self.texts)
        self.argv = self.several()
        self.environment = self.variables()
        mounts = self.several()
        self.mounts = list(zip(mounts[::2], mounts[1::2]))

    def several(self):
        return [next(self.texts) for _ in range(int(next(self.texts)))]

    def variables(self):
        return dict(variable.split(b"=", 1) for variable in self.several())


def mount_all(libc, mounts):
    """As os/mounts.cpp does."""
    new_namespace, bind, remount, read_only, private = 0x20000, 0x1000, 0x20, 0x1 | 0x2 | 0x4, 0x44000
    failed = libc.unshare(new_namespace) or libc.mount(None, b"/", None, private, None)
    for source, target in mounts:
        failed = failed or libc.mount(source, target, None, bind, None) or libc.mount(None, target, None, bind | remount | read_only, None)
    return not failed


def settle(supervisor, libc):
    """In a fork: waits for its parent to end, whose place the supervisor, a subreaper, takes. Returns whether it did."""
    give_up = time.monotonic() + 10
    while os.getppid() != supervisor and time.monotonic() < give_up:
        time.sleep(0.0002)
    death_signal, kill = 1, 9
    libc.prctl(death_signal, kill)
    return os.getppid() == supervisor


def report(channel):
    """In a fork: says that it is there, and waits until the supervisor knows it, or has given it up."""
    channel.send(b"F")
    if channel.recv(1) != b"G":
        os._exit(1)
    channel.close()


def set_variables(environment):
    os.environb.clear()
    os.environb.update(environment)
    time.tzset()


def become_branch(request, control, channel):
    """In a fork: becomes a branch, which is asked over `control`."""
    report(channel)
    os.setsid()  # after that: what leads a session and is not known is a straggler, and killed
    os.dup2(control, CONTROL, inheritable=False)
    os.close(control)
    set_variables(request.environment)
    for module in request.modules:
        try:
            importlib.import_module(module)
        except BaseException:  # the task will tell, if it imports it too
            pass


def become(request, log, channel, libc):
    """In a fork: becomes the attempt, once the supervisor lets it. Returns the file of the call."""
    realtime = 15  # RLIMIT_RTTIME: os/tree.cpp has what the mark is for
    try:
        resource.setrlimit(realtime, (request.mark, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        pass
    os.setsid()  # once it has its mark: a child that leads a session and has none is a straggler, and killed
    if os.getppid() != request.supervisor or (request.mounts and not mount_all(libc, request.mounts)):
        os._exit(1)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(request.folder)
    report(channel)
    if hidden_modules():  # from those that were imported here, too
        os.execve(request.program, request.argv, request.environment)
    set_variables(request.environment)
    # What imports may have kept, and what each process has of its own.
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None
    return os.fsdecode(request.argv[-1])


def is_swept():
    """Whether the environment of this interpreter was removed from the cache; it may have been made anew since."""
    return sys.prefix != sys.base_prefix and not os.path.exists(os.path.join(sys.prefix, "pyvenv.cfg"))


def fork(supervisor, libc):
    """Returns whether this is the fork, a child of the supervisor, and a pipe: the fork writes to it when it has a question."""
    heard, tells = os.pipe()
    try:
        if middle := os.fork():
            os.waitpid(middle, 0)
            os.close(tells)
            return False, heard
    except OSError:
        os.close(heard)
        os.close(tells)
        raise
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        os._exit(1)
    os.close(heard)
    if not settle(supervisor, libc):
        os._exit(1)
    return True, tells


def rehearse():
    """Does what a call does, so that the memory this writes to is copied before somebody waits for it."""
    function = find_function("json", "loads")
    check_arguments(function, "loads", {"s": ""})
    json.dumps(values_of(function('{"result": 1.5}'), [{"name": "result", "optional": False}], "loads"), default=plain)
    hidden_modules()
    is_swept()


def next_question(control):
    """The request, the log and the channel of an attempt; nothing: the supervisor asks no more."""
    byte, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(3 * 4))
    return struct.unpack("3i", ancillary[0][2][:12]) if byte else None


def refuse(control, answer):
    """Answers one question without a fork. Returns whether there was one."""
    question = next_question(control)
    if not question:
        return False
    try:
        os.write(question[2], answer)
    except OSError:  # it was given up
        pass
    for descriptor in question:
        os.close(descriptor)
    return True


CONTROL = 3  # the descriptor over which the supervisor asks


def take_question(libc):
    """Returns request, log or control, and channel of a question, in each fork that is to answer it; in the process that forks, it never returns.

    The next fork is made before somebody asks for it, and takes the question itself.
    """
    control = socket.socket(fileno=CONTROL)
    supervisor = os.getppid()
    gc.collect()
    gc.freeze()
    while True:
        if has_threads():
            if not refuse(control, b"T"):
                sys.exit()
            continue
        try:
            is_fork, pipe = fork(supervisor, libc)
        except OSError:
            if not refuse(control, b"N"):
                sys.exit()
            continue
        if is_fork:
            break
        if not os.read(pipe, 1):  # it has ended: nobody asks any more, or it was killed
            sys.exit()
        os.close(pipe)
    rehearse()
    question = next_question(control)
    if not question or is_swept():
        os._exit(0)
    os.write(pipe, b"Q")
    os.close(pipe)
    control.close()
    file, other, channel = question
    request = Request(file)
    os.close(file)
    return request, other, socket.socket(fileno=channel)


def wait():
    """Returns the file of a call, in each fork that is to make it; in the interpreter and its branches, it never returns."""
    libc = ctypes.CDLL(None)
    libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_void_p]
    while True:
        request, other, channel = take_question(libc)
        if request.is_attempt:
            return become(request, other, channel, libc)
        become_branch(request, other, channel)


if sys.argv[1] == "call":
    call(sys.argv[2])
else:
    import ctypes
    import gc
    import resource
    import socket
    import struct
    import time

    call(wait())

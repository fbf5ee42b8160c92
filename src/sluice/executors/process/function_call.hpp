#pragma once
// Private to this module: tasks that call a Python function, or run a script. `call_function.py` is what runs
// in the interpreter.
#include <string>
#include <vector>

#include "sluice/executors/process/arguments.hpp"
#include "sluice/executors/process/sandbox.hpp"
#include "sluice/ports/executor.hpp"

namespace sluice::executors {

/// The program that interprets, to be found in the PATH of the task.
inline constexpr const char* python_program = "python3";

/// Writes what is to be called to a file in the sandbox. Returns the command that calls it; it writes the
/// outputs that a function returns to their paths. `work` has a `function` or a `script`.
Result<std::vector<std::string>> prepare_call(const engine::TaskSpec& work, const Places& places,
                                              Arguments& arguments);

/// The branch of a warm interpreter that can fork for it: the modules of others that the task's code imports
/// are imported there. `start` is complete, `shared` are those of its variables that do not depend on the
/// attempt. All tasks of an environment have one interpreter, but for variables that are read when it starts.
supervisor::Branch branch_for(const supervisor::Start& start, const engine::TaskSpec& work,
                              std::vector<std::string> shared, const std::filesystem::path& environment);

/// Sets the variables that make the calls of a function alike, unless they are set: the order of sets, and as
/// many threads of numerical libraries as the task has processors.
void add_call_variables(const engine::TaskSpec& work, std::vector<std::string>& env);

}  // namespace sluice::executors

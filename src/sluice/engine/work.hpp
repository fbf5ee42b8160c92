#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/resources.hpp"

namespace sluice::engine {

/// The Python environment of a task: what a run found for what its plan requires, once.
struct PythonEnvironment {
  std::string python;  ///< the interpreter's version, "3.11.2"
  Artifact lock;       ///< with a digest: every package with its version and digests, as a requirements file
  std::vector<Artifact> sources = {};  ///< with digests and names: what the lock has by path
};

/// A function that a task calls, instead of running a program.
struct PythonFunction {
  std::string module;
  std::string function;  ///< an attribute of the module, "fit" or "Model.fit"
};

/// What a task asks an executor to do, all expressions evaluated. Late paths (Value::Kind::late, and
/// artifacts as whole arguments) are resolved by the executor.
struct TaskSpec {
  enum class Kind { process, container, service } kind = Kind::process;
  // container
  std::string image;         ///< as the run found it (ports/containers.hpp): with a digest
  List args;                 ///< what follows `argv`, or of a process the `script`
  std::int64_t cpu_max = 0;  ///< thousandths of a processor; 0: no limit
  // process
  std::optional<PythonFunction> function;
  std::optional<std::string> script;  ///< a text in Python, which is run instead of `argv`
  std::optional<PythonEnvironment> environment;
  // process and container
  /// Never a shell. Empty: the command of the image, `function` or `script`; else at least one.
  List argv;
  Struct env;                           ///< names → strings or late paths
  std::optional<Artifact> code;         ///< materialized, writable, in the working directory
  std::vector<ir::TaskOutput> outputs;  ///< declared; nothing else is kept
  bool hermetic = false;
  // service
  std::string service;
  // all
  Struct with;  ///< the arguments of a service or of `function`
  ir::Resources resources;
  std::string pool;                ///< "": none
  std::vector<std::int64_t> gpus;  ///< the numbers of its devices, assigned when it was admitted

  /// Whether an interpreter of Python runs it, which may be warm.
  [[nodiscard]] bool is_python() const { return function || script; }
};

/// Every kind exactly once. Each has exactly one executor.
inline constexpr std::array work_kinds{TaskSpec::Kind::process, TaskSpec::Kind::container,
                                       TaskSpec::Kind::service};

constexpr std::string_view name(TaskSpec::Kind kind) {
  switch (kind) {
    case TaskSpec::Kind::process: return "process";
    case TaskSpec::Kind::container: return "container";
    case TaskSpec::Kind::service: return "service";
  }
  return {};
}

/// What a task occupies if the plan does not say it: a process and a container one processor, a
/// service nothing.
ir::Resources default_resources(const ir::Operation& operation);

/// Why something failed: what `error(op)` and catch see.
struct Failure {
  std::string kind;  ///< "exit", "signal", "output", "raise", "branches", "service", "lost", "timeout",
                     ///< "cancelled", …
  std::string message;
  Value payload = {};
  std::string source = {};                     ///< path of the operation in which it began
  std::optional<std::int64_t> exit_code = {};  ///< of kind "exit": the program's status
  std::optional<std::int64_t> signal = {};     ///< of kind "signal": the one that ended the program
  bool operator==(const Failure&) const = default;
};

struct Usage {
  Time started{};
  Time ended{};
  std::int64_t cpu_ms = 0;
  std::int64_t memory_peak = 0;  ///< bytes
  bool memory_of_tree = false;   ///< true: of all processes (cgroup); false: of the largest one
  std::string interpreter =
      {};  ///< of a function: "forked" from a warm one; else why not, "threads", "no_fork"
};

/// How an attempt ended.
struct Outcome {
  enum class Status { succeeded, failed, cancelled, lost } status = Status::succeeded;
  Struct outputs;     ///< succeeded: every declared output that is not absent
  Failure failure;    ///< otherwise
  Value environment;  ///< what it ran with: resolved executable and digest, service version, instruction set
  Usage usage;
};

}  // namespace sluice::engine

#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/syntax/expression.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::ir {

using syntax::ExpressionPtr;
using syntax::Location;

/// any, string, integer, number, boolean, list<T>, struct, artifact.
struct Type {
  enum class Kind { any, string, integer, number, boolean, list, structure, artifact } kind = Kind::any;
  std::shared_ptr<const Type> element;  ///< of a list; null: any
  std::string artifact_kind = "any";    ///< of an artifact: an open name; equal or any
  bool operator==(const Type& other) const;
};
std::string print(const Type& type);

struct Input {
  std::string name;
  Location at;
  std::string description = {};  ///< for people; "": none
  Type type;
  bool optional = false;
  std::optional<Value> value;  ///< the default
};

/// A declared output of a pipeline: its expression, and its type if one is declared.
struct Output {
  std::string name;
  Location at;
  ExpressionPtr value;
  std::optional<Type> type;
};

/// A declared output of a process or container (docs/plans.md, Outputs of a process).
struct TaskOutput {
  std::string name;
  Location at;
  Type type;
  Form form =
      Form::file;         ///< artifacts: file, or directory where the kind is "directory" or the plan says so
  bool any_form = false;  ///< artifacts: either, as it was written; `form` says nothing
  enum class Encoding { json, text } encoding = Encoding::json;  ///< other types: how the file is read
  std::string from;  ///< "OUTPUT/PATH": read inside another output's directory instead
  bool optional = false;
};

using Named = std::pair<std::string, ExpressionPtr>;

struct Region;

/// The Python packages that a task imports (docs/python.md).
struct Environment {
  Location at;
  std::string python;                             ///< "3.11"; "": any
  std::vector<std::string> requirements;          ///< as in pip's files: "pandas==2.*" …
  std::string file;                               ///< … or a file of them, relative to the plan's file
  std::vector<std::string> without_dependencies;  ///< packages without what they depend on
  /// Of packages, "-i URL" and "--extra-index-url URL": those that the operator allows are asked, others not.
  std::vector<std::string> indexes = {};
};
/// What the environment is called in the events of a run: the same for equal ones.
std::string name_of(const Environment& environment);

/// A function of a task's code or of its packages (docs/python.md).
struct PythonFunction {
  Location at;
  std::string module;
  std::string function;     ///< "fit", or an attribute in it: "Model.fit"
  std::vector<Named> with;  ///< its arguments by name
};

/// A text in Python that an interpreter runs, as `python3 -c TEXT` does (docs/plans.md, Python script).
struct PythonScript {
  Location at;
  std::string text;
};

/// The image of which a container is made (docs/containers.md).
struct Image {
  Location at;
  std::string reference;  ///< has no image_problem (image_reference.hpp)
};

/// A program with arguments, of this machine or in a container, or a function, or a script.
struct Process {
  std::optional<PythonFunction> function;  ///< at most one of these two; without, it runs `argv`
  std::optional<PythonScript> script;
  std::optional<Image> image;       ///< nullopt: it runs on this machine
  std::vector<ExpressionPtr> argv;  ///< of a container its `command`; empty: the one of the image
  std::vector<ExpressionPtr> args;  ///< of a container, or of a script: what follows
  std::optional<std::string> code;  ///< a folder, relative to the plan's file
  std::optional<Environment> environment;
  std::vector<Named> env;
  std::vector<TaskOutput> outputs;
  bool hermetic = false;
};
struct ServiceCall {
  std::string service;
  std::vector<Named> with;
};
struct PipelineCall {
  std::string pipeline;
  std::vector<Named> with;
};
struct Arm {
  Location at;
  ExpressionPtr when;  ///< null: else
  std::unique_ptr<Region> region;
};
struct Branch {
  std::vector<Arm> arms;  ///< the first whose condition holds is taken
};
struct Each {
  ExpressionPtr items;
  std::string as;
  std::string index;    ///< "" : none
  ExpressionPtr limit;  ///< null: no limit
  enum class OnFailure { finish, stop } on_failure = OnFailure::finish;
  std::optional<std::int64_t> tolerate;          ///< a number of items …
  std::optional<std::int64_t> tolerate_percent;  ///< … or a share
  std::unique_ptr<Region> region;
};
struct Raise {
  ExpressionPtr value;
};
struct Block {
  std::unique_ptr<Region> region;
};

enum class Trigger { succeeded, completed, none_failed, any_succeeded, any_failed };

struct Retry {
  ExpressionPtr limit;  ///< the number of retries
  std::int64_t backoff_ms = 0;
  double factor = 1;
  std::optional<std::int64_t> backoff_max_ms;
  std::optional<std::int64_t> within_ms;
  ExpressionPtr when;  ///< tests `error`; null: every failure
};

struct Cache {
  bool enabled = true;
  ExpressionPtr key;  ///< null: none
  std::optional<std::int64_t> max_age_ms;
  std::string scope;  ///< "" : the workspace; "run" : this run only
};

struct Operation {
  std::string name;
  Location at;
  std::string title;  ///< for people; "": its name
  std::variant<Process, ServiceCall, PipelineCall, Branch, Each, Raise, Block> what;
  std::vector<std::pair<std::string, Location>> after;
  ExpressionPtr condition;  ///< `if`; null: none
  Trigger trigger = Trigger::succeeded;
  std::vector<Retry> retry;
  ExpressionPtr timeout;  ///< seconds, or a text such as "10m"; null: none
  bool fails = true;      ///< false: its failure does not fail the region
  Cache cache;
  std::string pool;  ///< "" : the default
  std::vector<Named> resources;
  Struct hints;              ///< of tasks: for executors that know them; changes no result, nor a cache key
  std::vector<Named> yield;  ///< of tasks (docs/plans.md, Yield of a task), of each, of block
};

/// A graph: operations in the order of the text; each runs when its operands are available.
struct Region {
  Location at;
  std::vector<Operation> operations;
  std::vector<Named> yield;  ///< of a branch's arm
  ExpressionPtr limit;       ///< null: none (docs/plans.md, Concurrency)
  Each::OnFailure on_failure = Each::OnFailure::finish;
};

struct Pipeline {
  std::string name;
  Location at;
  std::string title;        ///< for people; "": its name
  std::string description;  ///< likewise; "": none
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  Region body;
};

/// A set of named pipelines. Frozen once verified, then shared as shared_ptr<const Plan>.
struct Plan {
  std::string file;  ///< the file that it was read from, for messages
  std::vector<Pipeline> pipelines;
  std::vector<syntax::Diagnostic> warnings;  ///< what its text asks for and is not done; not stored
  [[nodiscard]] const Pipeline* find(std::string_view pipeline) const;
  /// The pipeline that runs if none is named: the only one, or `main`. Null: there are several, and none is
  /// `main`.
  [[nodiscard]] const Pipeline* entry() const;
};

/// The regions that an operation contains, in order (the arms of a branch, the body of an each or of a
/// block).
std::vector<const Region*> regions_of(const Operation& operation);

/// Visits every operation of the plan, at any depth, once; in no particular order. Does not recurse.
void for_each_operation(const Plan& plan, const std::function<void(const Operation&)>& visit);

/// The one canonical text: it is what is stored of a plan, and people may write it themselves.
std::string print_plan(const Plan& plan);
/// Parses a stored plan. `read_plan(print_plan(p))` equals p (except for locations and file) for every p that
/// `parse_plan` can return, and printing it again gives the same bytes; other front-ends produce plans of the
/// same forms, and a plan that is not of these forms is not stored. A plan is verified before it is stored,
/// and is not verified again here. A text that cannot be read is Code::data_loss; for the text of a user,
/// call `parse_plan`.
Result<std::shared_ptr<const Plan>> read_plan(std::string_view text);
/// SHA-256 of the canonical text.
Digest plan_digest(const Plan& plan);
/// The plan as a Graphviz graph.
std::string print_dot(const Plan& plan);

}  // namespace sluice::ir

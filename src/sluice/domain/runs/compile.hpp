#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/ir/frontend.hpp"
#include "sluice/ir/signature.hpp"

// Public to other domain modules: plans that are kept are checked, and their inputs typed.

namespace sluice::runs {

/// The front ends and services that a text is compiled against. The front ends must outlive it. They are
/// tried in order; the first that recognizes the text compiles it.
struct Dialects {
  std::vector<const ir::Frontend*> frontends;
  ir::Signatures services;
};

/// What a person says about a text besides it.
struct CompileOptions {
  std::string dialect;  ///< the name of the front end; "": the one that recognizes the text
  ir::LoweringOptions lowering;
};

/// Lowers and verifies a text. On failure the message has one line per problem, "FILE:LINE:COLUMN: …", in the
/// order of the text.
Result<std::shared_ptr<const ir::Plan>> compile(const std::string& text, const std::string& file,
                                                const Dialects& dialects, const CompileOptions& options = {});

/// "FILE:LINE:COLUMN: warning: …" for each warning of the plan.
std::vector<std::string> warnings_of(const ir::Plan& plan);

/// The folders named by `code:` anywhere in the plan, as written, each with the arguments that the plan gives
/// to its programs as plain text.
std::map<std::string, std::vector<std::string>> code_folders(const ir::Plan& plan);

/// A variable of a task that is a secret, which has to be set.
struct SecretUse {
  std::string name;  ///< "NAME.KEY"
  syntax::Location at;
};
/// Every use of a secret in the plan, but for optional ones.
std::vector<SecretUse> secrets_of(const ir::Plan& plan);

/// The different environments of the plan's tasks, each where it is required first.
std::vector<ir::Environment> environments_of(const ir::Plan& plan);

/// The images of the plan's containers, each once, where it is named first.
std::vector<ir::Image> images_of(const ir::Plan& plan);

/// The pipeline of a verified plan to run; "": its entry. The message of a failure lists the existing ones.
Result<const ir::Pipeline*> find_pipeline(const ir::Plan& plan, const std::string& name);

}  // namespace sluice::runs

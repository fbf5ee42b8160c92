#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sluice/ir/frontend.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::runs {

/// What a text is compiled against. The front-ends outlive it; asked in order, the first that recognises the
/// text takes it.
struct Dialects {
  std::vector<const ir::Frontend*> frontends;
  ir::Signatures services;
};

/// Lowers and verifies. On failure the message has one line a problem, "FILE:LINE:COLUMN: …", in the order of
/// the text.
Result<std::shared_ptr<const ir::Plan>> compile(const std::string& text, const std::string& file,
                                                const Dialects& dialects);

/// Folders named by `code:` anywhere in the plan, as written, each once.
std::vector<std::string> code_folders(const ir::Plan& plan);

/// The pipeline of a verified plan to run; "" : its entry. The message of a failure lists those that there
/// are.
Result<const ir::Pipeline*> find_pipeline(const ir::Plan& plan, const std::string& name);

}  // namespace sluice::runs

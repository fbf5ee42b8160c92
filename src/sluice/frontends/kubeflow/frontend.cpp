#include <algorithm>

#include "sluice/frontends/kubeflow/channels.hpp"
#include "sluice/frontends/kubeflow/kubeflow_frontend.hpp"
#include "sluice/frontends/kubeflow/lowering.hpp"
#include "sluice/frontends/kubeflow/spec_reader.hpp"

namespace sluice::frontends {
namespace {

/// Whether a key stands at the beginning of a line, or in quotes: of the outermost map, in block or flow
/// style.
bool has_key(std::string_view text, std::string_view key) {
  for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    const char before = at == 0 ? '\n' : text[at - 1];
    auto after = text.substr(at + key.size());
    if (before == '"' && after.starts_with('"'))
      after.remove_prefix(1);
    else if (before != '\n')
      continue;
    after.remove_prefix(std::min(after.find_first_not_of(" \t"), after.size()));
    if (after.starts_with(':')) return true;
  }
  return false;
}

/// Several tasks may report the same place.
std::vector<syntax::Diagnostic> without_repetitions(std::vector<syntax::Diagnostic> problems) {
  const auto key = [](const syntax::Diagnostic& one) {
    return std::tie(one.at.line, one.at.column, one.message);
  };
  std::ranges::sort(problems, {}, key);
  const auto repeated = std::ranges::unique(problems, {}, key);
  problems.erase(repeated.begin(), repeated.end());
  return problems;
}

}  // namespace

std::string_view KubeflowFrontend::name() const { return "kubeflow"; }

bool KubeflowFrontend::recognizes(std::string_view text, const std::string&) const {
  return has_key(text, "pipelineInfo") && (has_key(text, "deploymentSpec") || has_key(text, "root"));
}

Result<ir::Frontend::Lowered> KubeflowFrontend::lower(std::string_view text, const std::string& file,
                                                      const ir::LoweringOptions& options) const {
  constexpr std::size_t documents_max = 2;
  SLUICE_TRY(documents, syntax::read_yaml_documents(text, file, documents_max));
  ir::Problems problems;
  ir::Problems warnings;
  auto spec = kubeflow::SpecReader(problems, warnings)
                  .read(documents.front(), documents.size() > 1 ? &documents.back() : nullptr);
  kubeflow::mend_channels(spec);
  Lowered made;
  made.plan.file = file;
  made.plan.pipelines = kubeflow::Lowering(spec, options, problems, warnings).run();
  made.problems = without_repetitions(problems.take());
  made.warnings = without_repetitions(warnings.take());
  return made;
}

}  // namespace sluice::frontends

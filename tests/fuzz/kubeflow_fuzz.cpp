// Fuzzes compiled pipelines with any text: what is lowered without a problem and verified is a plan that can
// be stored and read again.
#include <cstdint>
#include <string>

#include "sluice/base/result.hpp"
#include "sluice/frontends/kubeflow/kubeflow_frontend.hpp"
#include "sluice/ir/parse.hpp"
#include "sluice/ir/verify.hpp"

namespace {

/// The seeds are golden cases, of which only the pipeline is used.
std::string_view pipeline_in(std::string_view text) {
  constexpr std::string_view head = "--- input\n";
  const auto at = text.find(head);
  if (at == std::string_view::npos) return text;
  text.remove_prefix(at + head.size());
  for (const std::string_view section : {"\n--- problems\n", "\n--- warnings\n", "\n--- plan\n"})
    text = text.substr(0, text.find(section));
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const auto text = pipeline_in({reinterpret_cast<const char*>(data), size});
  const frontends::KubeflowFrontend kubeflow;
  (void)kubeflow.recognizes(text, "pipeline.yaml");
  const auto lowered = kubeflow.lower(text, "pipeline.yaml", {});
  if (!lowered) return 0;
  const auto problems = ir::verify(lowered->plan, {});
  if (!lowered->problems.empty() || !problems.empty()) return 0;
  const auto printed = ir::print_plan(lowered->plan);
  const auto again = ir::parse_plan(printed, "plan.yaml");
  if (!again || !again->problems.empty() || ir::print_plan(again->plan) != printed) {
    std::fprintf(stderr, "printed:\n%s\n%s\n", printed.c_str(),
                 !again
                     ? again.error().message.c_str()
                     : (syntax::render("plan.yaml", again->problems) + ir::print_plan(again->plan)).c_str());
    SLUICE_CHECK(!"a pipeline becomes a plan that cannot be stored");
  }
  return 0;
}

// Fuzzes plans with any text: what parses as a plan is verified, printed, and parses to the same plan again.
#include <cstdint>
#include <string>

#include "sluice/base/result.hpp"
#include "sluice/frontends/native/native_frontend.hpp"
#include "sluice/ir/dependencies.hpp"
#include "sluice/ir/verify.hpp"

namespace {

/// The seeds are golden cases, of which only the plan is used.
std::string_view plan_in(std::string_view text) {
  constexpr std::string_view head = "--- input\n";
  const auto at = text.find(head);
  if (at == std::string_view::npos) return text;
  text.remove_prefix(at + head.size());
  return text.substr(0, text.find("\n--- "));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const auto text = plan_in({reinterpret_cast<const char*>(data), size});
  const frontends::NativeFrontend native;
  (void)native.recognizes(text, "plan.yaml");
  const auto lowered = native.lower(text, "plan.yaml", {});
  if (!lowered) return 0;
  const auto problems = ir::verify(lowered->plan, {});
  for (const auto& pipeline : lowered->plan.pipelines) ir::dependencies_of(pipeline.body);
  const auto printed = ir::print_plan(lowered->plan);
  ir::print_dot(lowered->plan);
  if (!lowered->problems.empty()) return 0;
  const auto again = native.lower(printed, "plan.yaml", {});
  if (!again || !again->problems.empty() || ir::print_plan(again->plan) != printed) {
    std::fprintf(stderr, "printed:\n%s\n%s\n", printed.c_str(),
                 !again
                     ? again.error().message.c_str()
                     : (syntax::render("plan.yaml", again->problems) + ir::print_plan(again->plan)).c_str());
    SLUICE_CHECK(!"a plan does not survive a round trip");
  }
  SLUICE_CHECK(ir::verify(again->plan, {}).size() == problems.size());
  return 0;
}

// Fuzzes expressions with any text: the printed form parses to the same expression, and both evaluate to the
// same.
#include <cstdint>
#include <string>

#include "sluice/base/json.hpp"
#include "sluice/syntax/expression.hpp"

namespace {

using namespace sluice;
using namespace sluice::syntax;

class TestScope : public Scope {
 public:
  [[nodiscard]] Evaluated lookup(std::string_view name) const override {
    if (name == "a")
      return *parse_json(
          R"({"o": [1, 2.5, "x", null, {"k": [[1], [2]]}], "s": "text", "i": 9223372036854775807})");
    if (name == "x")
      return Value(Artifact{.kind = "t",
                            .form = Form::file,
                            .digest = Digest{},
                            .size = 1,
                            .name = "n",
                            .uri = {},
                            .metadata = nullptr});
    if (name == "i") return Value(7);
    return std::nullopt;
  }
  [[nodiscard]] Evaluated status_of(std::string_view operation) const override {
    return operation == "a" ? Evaluated(Value("succeeded")) : Evaluated(std::nullopt);
  }
  [[nodiscard]] Evaluated error_of(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] bool holds_outputs(std::string_view name) const override { return name == "a"; }
};

std::string text_of(const Evaluated& result) {
  if (!result) return result.error().kind + ": " + result.error().message;
  return *result ? to_json(**result) : "absent";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr EvaluationLimits limits{.steps_max = 20'000, .bytes_max = 1 << 20};
  const auto round_trip = [&](const auto& parse, const auto& print) {
    const auto parsed = parse(text, Location{1, 1});
    if (!parsed) return;
    SLUICE_CHECK(depth_of(**parsed) <= expression_depth_max);
    const auto printed = print(**parsed);
    const auto again = parse(printed, Location{1, 1});
    if (!again || print(**again) != printed) {
      std::fprintf(stderr, "printed: %s\n%s\n", printed.c_str(),
                   again ? print(**again).c_str() : again.error().message.c_str());
      SLUICE_CHECK(!"an expression does not survive a round trip");
    }
    const auto result = text_of(evaluate(**parsed, TestScope(), limits));
    SLUICE_CHECK(result == text_of(evaluate(**again, TestScope(), limits)));
    visit_references(**parsed, [](std::string_view, const std::vector<std::string_view>&, Location) {});
  };
  round_trip(parse_expression, print_expression);
  round_trip(parse_scalar, print_scalar);
  return 0;
}

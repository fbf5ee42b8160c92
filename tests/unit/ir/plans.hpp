#pragma once
#include <string>

#include <gtest/gtest.h>

#include "sluice/ir/parse.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::ir {

/// The services that the cases may call.
inline Signatures services_for_tests() {
  const auto type = [](std::string_view text, std::string kind = "any") {
    return with_artifact_kind(*parse_type(text), std::move(kind));
  };
  return {
      {.name = "image.embed",
       .version = "1.0.0",
       .effect = Effect::none,
       .inputs = {{"pictures", type("artifact", "directory")}, {"size", type("integer"), true}},
       .outputs = {{"table", type("artifact", "table")}, {"count", type("integer")}}},
      {.name = "model.register",
       .version = "1.0.0",
       .effect = Effect::idempotent,
       .inputs = {{"report", type("artifact")},
                  {"score", type("number"), true},
                  {"tags", type("list<string>"), true}},
       .outputs = {{"tag", type("string")}}},
  };
}

/// The plan of a valid text.
inline Plan plan_of(const std::string& text) {
  auto lowered = parse_plan(text, "plan.yaml");
  if (!lowered) {
    ADD_FAILURE() << lowered.error().message;
    return {};
  }
  EXPECT_EQ(syntax::render("plan.yaml", lowered->problems), "");
  return std::move(lowered->plan);
}

}  // namespace sluice::ir

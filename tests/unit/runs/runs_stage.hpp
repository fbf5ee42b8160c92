#pragma once
#include "../driver/stage.hpp"
#include "canonical_frontend.hpp"
#include "result_assertions.hpp"
#include "sluice/domain/runs/runs.hpp"

namespace sluice::test {

/// A stage whose services are registered before anything that uses them is built.
struct ServedStage : Stage {
  CanonicalFrontend frontend;
  Gate gate;
  WrittenService& echo = serve_echo();
  WrittenService& held = serve("test.held", [this](const ports::ServiceCall& call) -> Result<Struct> {
    if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
    return call.with;
  });
  WrittenService& reporting =
      serve("test.reporting", [this](const ports::ServiceCall& call) -> Result<Struct> {
        call.report(1, 4, "files");
        if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
        return call.with;
      });
  WrittenService& broken = serve("test.broken", [](const ports::ServiceCall&) -> Result<Struct> {
    return Fail(user_error(Code::invalid_argument, "cat.png: not a picture"));
  });
};

/// Runs over a real driver and real stores.
struct RunsStage {
  ServedStage stage;
  SystemRandom random;
  Server server{stage};
  runs::Runs runs = in(stage.frontend);

  /// Runs that are written in this dialect.
  runs::Runs in(const ir::Frontend& dialect) {
    return {{.control = server.driver(),
             .journal = *stage.ledger,
             .index = *stage.ledger,
             .objects = *stage.objects,
             .clock = stage.clock,
             .random = random},
            {.frontends = {&dialect}, .services = stage.signatures}};
  }
  std::string problem(runs::Submission submission) { return message_of(runs.submit(std::move(submission))); }
  /// Submits a plan and waits until the run has ended.
  runs::RunReport run(const std::string& text, Struct inputs = {}) {
    const auto id =
        value_of(runs.submit({.text = text, .file = "plan.yaml", .inputs = std::move(inputs)})).run;
    server.wait(id.text);
    return value_of(runs.report(id));
  }
};

inline const runs::OperationReport& operation(const runs::RunReport& report, const std::string& path) {
  for (const auto& operation : report.operations)
    if (operation.path == path) return operation;
  ADD_FAILURE() << "the report has no operation " << path;
  static const runs::OperationReport none;
  return none;
}

}  // namespace sluice::test

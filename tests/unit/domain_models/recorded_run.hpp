#pragma once
#include <string>

#include "sluice/base/json.hpp"
#include "sluice/domain/models/provenance.hpp"

namespace sluice::models {

inline Artifact artifact(const std::string& text, const std::string& kind, Form form = Form::directory) {
  return {.kind = kind, .form = form, .digest = Digest::of(text), .size = 1};
}

/// The facts of a run as its journal records them: a cached service task that embedded pictures, a head, and
/// a process.
inline Value recorded_facts() {
  const auto tagged = [](auto&&... fields) {
    Struct out;
    (out.set(fields.first, fields.second), ...);
    return to_tagged(out);
  };
  using Field = std::pair<std::string, Value>;
  Struct platform;
  platform.set("runtime", "openvino 2026.4.1");
  platform.set("instruction_set", "avx512");
  Struct from;
  from.set("run", "r0");
  from.set("path", "features");

  Struct features;
  features.set("path", "features");
  features.set("kind", "service");
  features.set("service", "image.embed");
  features.set("key", Digest::of("key").hex());
  features.set("inputs", tagged(Field("pictures", artifact("pictures", "directory"))));
  features.set("outputs", tagged(Field("features", artifact("features", "features"))));
  features.set("environment", platform);
  features.set("cached_from", from);
  Struct head;
  head.set("path", "head");
  head.set("kind", "service");
  head.set("service", "head.learn");
  head.set("inputs", tagged(Field("features", artifact("features", "features")), Field("seed", 7)));
  head.set("outputs", tagged(Field("model", artifact("model", "model"))));
  head.set("environment", platform);
  Struct evaluate;
  evaluate.set("path", "evaluate");
  evaluate.set("kind", "process");
  evaluate.set("code", Digest::of("code").hex());
  evaluate.set("inputs", tagged(Field("argv", List{"python3", artifact("labels", "any", Form::file)}),
                                Field("env", Struct{})));
  evaluate.set("outputs", tagged(Field("accuracy", 0.8)));
  evaluate.set("started", "2026-11-24T08:48:56.123Z");
  evaluate.set("ended", "2026-11-24T08:48:57.123Z");
  Struct facts;
  facts.set("plan_name", "sluice.yaml");
  facts.set("plan_digest", Digest::of("plan").hex());
  facts.set("inputs", tagged(Field("pictures", artifact("pictures", "directory")), Field("seed", 7)));
  facts.set("started", "2026-11-24T08:48:55.000Z");
  facts.set("tasks", List{features, head, evaluate});
  return facts;
}

class RecordedRun final : public RunFacts {
 public:
  [[nodiscard]] Result<Value> facts(const RunId& run) const override {
    if (run.text.starts_with("r")) return recorded_facts();
    return Fail(user_error(Code::not_found, "there is no run `" + run.text + "`"));
  }
};

}  // namespace sluice::models

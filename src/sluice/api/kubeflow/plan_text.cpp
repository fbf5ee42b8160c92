#include "sluice/api/kubeflow/plan_text.hpp"

#include "sluice/base/json.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::api::kubeflow {

std::string text_of_spec(const Value& spec) {
  const auto* inner = sent_field(spec, "pipeline_spec");
  if (inner == nullptr) return to_json(spec);
  auto text = to_json(*inner);
  if (const auto* platform = sent_field(spec, "platform_spec")) text += "\n---\n" + to_json(*platform);
  return text;
}

Result<Value> spec_of_text(const std::string& text) {
  constexpr std::size_t documents_max = 2;
  SLUICE_TRY(documents, syntax::read_yaml_documents(text, "pipeline_spec", documents_max));
  auto spec = documents.front().to_value();
  if (documents.size() == 1) return spec;
  Struct both;
  both.set("pipeline_spec", std::move(spec));
  both.set("platform_spec", documents.back().to_value());
  return both;
}

}  // namespace sluice::api::kubeflow

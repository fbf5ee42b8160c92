#include "sluice/api/kubeflow/plan_text.hpp"

#include "sluice/base/json.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/base/words.hpp"
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

Result<std::string> text_of_file(std::string_view content, std::string_view file) {
  const auto name = lower_ascii(file);
  const bool is_archive = content.starts_with("PK\x03\x04") || content.starts_with("\x1f\x8b") ||
                          name.ends_with(".zip") || name.ends_with(".tar.gz") || name.ends_with(".tgz");
  if (is_archive)
    return Fail(user_error(
        Code::invalid_argument,
        "archives of pipelines are not read here; upload the file that is inside, `pipeline.yaml`"));
  return std::string(content);
}

}  // namespace sluice::api::kubeflow

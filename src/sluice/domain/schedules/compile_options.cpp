#include "sluice/domain/schedules/compile_options.hpp"

namespace sluice::schedules {

Struct to_struct(const runs::CompileOptions& options) {
  Struct out;
  const auto& [python_images, only_containers] = options.lowering;
  if (!options.dialect.empty()) out.set("dialect", options.dialect);
  if (only_containers) out.set("only_containers", true);
  if (!python_images.empty()) out.set("python_images", List(python_images.begin(), python_images.end()));
  return out;
}

runs::CompileOptions compile_options_of(const Struct& stored) {
  const Value fields(stored);
  runs::CompileOptions options{.dialect = fields.text_at("dialect"), .lowering = {}};
  options.lowering.only_containers = fields.boolean_at("only_containers");
  if (const auto* images = fields.find("python_images"); images != nullptr && images->is_list())
    for (const auto& image : *images->if_list())
      if (const auto* text = image.if_string()) options.lowering.python_images.push_back(*text);
  return options;
}

}  // namespace sluice::schedules

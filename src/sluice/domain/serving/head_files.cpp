#include "sluice/domain/serving/head_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/json.hpp"

namespace sluice::serving {
namespace {

constexpr std::string_view description_file = "model.json";
constexpr std::size_t description_bytes_max = std::size_t{4} << 20;
constexpr std::size_t graph_bytes_max = std::size_t{64} << 20;

Result<std::string> read(const ports::ObjectStore& objects, const ports::Listing& listing,
                         std::string_view name, std::size_t bytes_max) {
  const auto file = std::ranges::find(listing.files, name, &ports::TreeFile::path);
  if (file == listing.files.end())
    return Fail(user_error(Code::failed_precondition, fmt::format("the head has no file {}", name)));
  if (file->size > static_cast<std::int64_t>(bytes_max))
    return Fail(
        user_error(Code::too_large, fmt::format("{}: over the limit of {} MiB", name, bytes_max >> 20)));
  return objects.get(file->digest, bytes_max);
}

}  // namespace

Result<HeadFiles> read_head(const ports::ObjectStore& objects, const Artifact& head) {
  SLUICE_TRY(listing, objects.list(head));
  SLUICE_TRY(description, read(objects, listing, description_file, description_bytes_max));
  HeadFiles out{.description = std::move(description), .graph = {}};
  const auto json = parse_json(out.description, description_file);
  if (const auto name = json ? json->text_at("head") : std::string(); !name.empty()) {
    SLUICE_TRY(graph, read(objects, listing, name, graph_bytes_max));
    out.graph = std::move(graph);
  }
  return out;
}

Value load_params(const Digest& head, const Digest& base, const HeadFiles& files) {
  Struct params;
  params.set("head", head.hex());
  params.set("base", base.hex());
  params.set("description_bytes", static_cast<std::int64_t>(files.description.size()));
  return params;
}

std::string payload_of(const HeadFiles& files) { return files.description + files.graph; }

}  // namespace sluice::serving

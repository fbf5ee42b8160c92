#include "sluice/host/base_model.hpp"

#include <vector>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host {
namespace {

constexpr std::size_t description_bytes_max = std::size_t{1} << 20;

Result<Value> read_json(const std::filesystem::path& folder, const std::string& file) {
  SLUICE_TRY(text, os::read_file(folder / file, description_bytes_max));
  return parse_json(text, file);
}

/// The name of a file in the repository's root folder; a description may not point elsewhere.
Result<std::string> plain_name(const Value& description, std::string_view field) {
  auto name = description.text_at(field);
  if (name.empty()) return Fail(invalid_argument("model.json", fmt::format("`{}` must name a file", field)));
  if (name.find('/') != std::string::npos || name.starts_with('.'))
    return Fail(invalid_argument(
        "model.json", fmt::format("`{}` is \"{}\", but must name a file in the same folder", field, name)));
  return name;
}

}  // namespace

Result<std::shared_ptr<const BaseModel>> load_base_model(runtimes::OpenVino& runtime,
                                                         const std::string& digest,
                                                         const HostFolders& folders, const std::string& tap) {
  const auto& folder = folders.base;
  SLUICE_TRY(description, read_json(folder, "model.json"));
  SLUICE_TRY(file, plain_name(description, "file"));
  SLUICE_TRY(preprocessing_file, plain_name(description, "preprocessing"));
  const auto* taps = description.find("taps");
  if (taps == nullptr || !taps->is_struct())
    return Fail(
        invalid_argument("model.json", "`taps` must be an object whose fields are outputs of the network"));
  if (taps->find(tap) == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, about] : *taps->if_struct()) known.push_back(name);
    return Fail(invalid_argument(
        "model.json",
        fmt::format("no tap `{}`; it has {}{}", tap, fmt::join(known, ", "), did_you_mean(tap, known))));
  }
  SLUICE_TRY(preprocessing_json, read_json(folder, preprocessing_file));
  SLUICE_TRY(preprocessing, media::Preprocessing::from_value(preprocessing_json, preprocessing_file));
  SLUICE_TRY(network, runtime.load_items({.file = folder / file,
                                          .tap = tap,
                                          .compiled = folders.compiled,
                                          .keep = folders.scratch,
                                          .identity = digest}));
  if (network->input_elements() != preprocessing.elements())
    return Fail(
        invalid_argument(file, fmt::format("its input is [{}], but {} makes pictures of 3 x {} x {}",
                                           fmt::join(network->input_shape(), ", "), preprocessing_file,
                                           preprocessing.size(), preprocessing.size())));
  return std::make_shared<const BaseModel>(
      BaseModel{.digest = digest, .tap = tap, .preprocessing = preprocessing, .network = std::move(network)});
}

}  // namespace sluice::host

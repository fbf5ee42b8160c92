#include "sluice/host/embed_pictures.hpp"

#include <algorithm>
#include <map>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host {
namespace {

// Maximum number in flight: enough to keep all threads busy, few enough that a request in between waits only
// briefly.
constexpr std::size_t in_flight_max = 12;
constexpr std::size_t file_bytes_max = std::size_t{256} << 20;
constexpr std::size_t list_bytes_max = std::size_t{1} << 30;

Result<media::Picture> decoded(const GivenPicture& picture) {
  SLUICE_TRY(bytes, os::read_file(picture.file, file_bytes_max));
  if (Digest::of(bytes) != picture.digest)
    return Fail(environment_error(Code::data_loss, "its stored bytes are damaged (object " +
                                                       picture.digest.hex() +
                                                       "); run this again with the original picture"));
  return media::decode_picture(bytes);
}

}  // namespace

Result<std::vector<GivenPicture>> read_given_pictures(const std::filesystem::path& list) {
  SLUICE_TRY(text, os::read_file(list, list_bytes_max));
  SLUICE_TRY(json, parse_json(text, list.string(), {.bytes_max = list_bytes_max}));
  std::vector<GivenPicture> pictures;
  if (!json.is_list()) return Fail(invalid_argument(list.string(), "must be a list of pictures"));
  for (const auto& entry : *json.if_list()) {
    SLUICE_TRY(digest, Digest::from_hex(entry.text_at("digest")));
    pictures.push_back({.path = entry.text_at("path"), .file = entry.text_at("file"), .digest = digest});
  }
  return pictures;
}

EmbeddedPictures embed_pictures(Embedder& embedder, const std::vector<GivenPicture>& pictures,
                                FeatureCache* cache,
                                const std::function<void(std::size_t done, std::size_t total)>& progress) {
  EmbeddedPictures out;
  auto& features = out.features;
  features.columns = embedder.base().network->output_elements();
  features.values.resize(pictures.size() * features.columns);
  const auto row_of = [&](std::size_t i) {
    return std::span(features.values).subspan(i * features.columns, features.columns);
  };
  std::vector<std::size_t> unknown;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    features.paths.push_back(pictures[i].path);
    if (!cache || !cache->find(pictures[i].digest, row_of(i))) unknown.push_back(i);
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_flight = 0;
  std::size_t done = pictures.size() - unknown.size();
  std::map<std::size_t, std::string> problems;
  for (const auto i : unknown) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return in_flight < in_flight_max; });
      ++in_flight;
    }
    embedder.submit([&picture = pictures[i]] { return decoded(picture); },
                    [&, i](Result<std::vector<float>> row) {
                      if (row) std::ranges::copy(*row, row_of(i).begin());
                      const std::lock_guard lock(mutex);
                      if (row && cache) cache->add(pictures[i].digest, *row);
                      if (!row) problems.emplace(i, pictures[i].path + ": " + row.error().message);
                      progress(++done, pictures.size());
                      --in_flight;
                      changed.notify_all();
                    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return in_flight == 0; });
  for (auto& [i, problem] : problems) out.problems.push_back(std::move(problem));
  return out;
}

}  // namespace sluice::host

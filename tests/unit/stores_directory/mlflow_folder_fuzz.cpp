// Fuzzes folders of MLflow's file store: a text of sections, "== PATH" and what is in the file of that path.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "sluice/os/files.hpp"
#include "sluice/stores/directory/mlflow_folder.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sluice;

bool may_be(const fs::path& path) {
  constexpr int deep_max = 8;
  return !path.empty() && path.is_relative() && std::distance(path.begin(), path.end()) <= deep_max &&
         std::ranges::none_of(
             path, [](const fs::path& part) { return part == ".." || part.native().size() > 100; });
}

void write(const fs::path& root, std::string_view text) {
  constexpr int files_max = 50;
  constexpr std::string_view begins = "== ";
  for (int files = 0; files < files_max; ++files) {
    const auto at = text.find(begins);
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + begins.size());
    const auto line = std::min(text.find('\n'), text.size());
    const fs::path path(text.substr(0, line));
    text.remove_prefix(std::min(line + 1, text.size()));
    if (!may_be(path) || path.native().contains('\0')) continue;
    std::error_code failed;
    fs::create_directories((root / path).parent_path(), failed);
    static_cast<void>(os::write_file(root / path, text.substr(0, text.find(begins))));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto folder = os::TemporaryDirectory::make_in_tmp("fuzz-");
  if (!folder) return 0;
  write(folder->path(), {reinterpret_cast<const char*>(data), size});
  const auto source = stores::MlflowFolder::open(folder->path());
  if (!source) {
    SLUICE_CHECK(source.error().code == Code::failed_precondition);
    return 0;
  }
  auto& from = **source;
  const auto done = from.experiments([&](const ports::Experiment& experiment) -> Result<void> {
    SLUICE_DO(from.models(experiment, [](const auto& model) -> Result<void> {
      SLUICE_CHECK(!model.id.empty());
      return {};
    }));
    SLUICE_DO(from.traces(experiment, [](const auto& trace) -> Result<void> {
      SLUICE_CHECK(!trace.trace.id.empty() && trace.written.is_struct());
      return {};
    }));
    return from.runs(experiment, [&](const ports::TrackedRun& run) -> Result<void> {
      SLUICE_CHECK(!run.id.empty());
      return from.histories(run, [](const ports::MetricHistory& history) -> Result<void> {
        SLUICE_CHECK(!history.key.empty() && !history.points.empty());
        return {};
      });
    });
  });
  SLUICE_CHECK(done);
  SLUICE_CHECK(from.registered([](const auto& content) -> Result<void> {
    for (const auto& version : content.versions) SLUICE_CHECK(version.number > 0);
    return {};
  }));
  return 0;
}

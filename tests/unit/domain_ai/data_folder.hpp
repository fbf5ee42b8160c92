#pragma once
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/os/files.hpp"
#include "sluice/ports/service.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/git/git_model_repository.hpp"

namespace sluice::test {

namespace fs = std::filesystem;

/// A data folder for one test, with a folder `pictures` beside it.
class DataFolder {
 public:
  DataFolder()
      : root_(*os::TemporaryDirectory::make(fs::temp_directory_path(), "sluice-ai-")),
        objects_(
            *stores::DirectoryObjectStore::open(root_.path() / "objects", root_.path() / "cache", clock_)),
        models_(*stores::GitModelRepository::open(root_.path() / "models", *objects_, clock_)) {
    fs::create_directories(pictures());
  }
  [[nodiscard]] stores::DirectoryObjectStore& objects() { return *objects_; }
  [[nodiscard]] stores::GitModelRepository& models() { return *models_; }
  [[nodiscard]] const SystemClock& clock() const { return clock_; }
  [[nodiscard]] fs::path path() const { return root_.path(); }
  [[nodiscard]] fs::path pictures() const { return root_.path() / "pictures"; }

  void picture(const std::string& name, const std::string& bytes = "not looked at") const {
    fs::create_directories((pictures() / name).parent_path());
    std::ofstream(pictures() / name, std::ios::binary) << bytes;
  }
  Artifact stored_pictures() { return stored(pictures(), "directory"); }
  Artifact stored(const fs::path& folder, const std::string& kind) {
    const auto stored = value_of(objects_->put_directory(folder));
    return {.kind = kind, .form = Form::directory, .digest = stored.digest, .size = stored.size};
  }
  /// Runs a service with a scratch folder of its own, as the executor does.
  Result<Struct> run(ports::Service& service, Struct with, std::stop_token cancel = {}) {
    const auto scratch = root_.path() / ("scratch-" + std::to_string(++calls_));
    fs::create_directories(scratch);
    return service.run({.with = std::move(with),
                        .run = {"r1"},
                        .path = "task",
                        .effect_key = "r1/task",
                        .scratch = scratch,
                        .cancel = std::move(cancel)});
  }

 private:
  SystemClock clock_;
  os::TemporaryDirectory root_;
  std::unique_ptr<stores::DirectoryObjectStore> objects_;
  std::unique_ptr<stores::GitModelRepository> models_;
  int calls_ = 0;
};

}  // namespace sluice::test

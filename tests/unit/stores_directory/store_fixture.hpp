#pragma once
#include <atomic>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "result_assertions.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;

/// The system's clock, some time ahead where a test needs files to be old.
class ShiftedClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return system_.now() + ahead.load(); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return system_.steady(); }
  std::atomic<Milliseconds> ahead{Milliseconds{0}};

 private:
  SystemClock system_;
};

/// A store in a temporary folder, and a folder `outside` next to it.
class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::make(fs::temp_directory_path(), "sluice-test-");
    ASSERT_OK(made);
    root_ = std::make_unique<os::TemporaryDirectory>(std::move(*made));
    outside_ = root_->path() / "outside";
    fs::create_directories(outside_);
    store_ = open();
  }
  [[nodiscard]] fs::path objects() const { return root_->path() / "objects"; }
  [[nodiscard]] fs::path cache() const { return root_->path() / "cache"; }
  std::unique_ptr<DirectoryObjectStore> open() {
    return test::value_of(DirectoryObjectStore::open(objects(), cache(), clock_));
  }
  void write(const std::string& name, std::string_view bytes, mode_t mode = 0644) const {
    fs::create_directories((outside_ / name).parent_path());
    ASSERT_OK(os::write_file(outside_ / name, bytes, mode));
  }
  static std::string read(const fs::path& path) {
    auto bytes = os::read_file(path);
    return bytes ? *bytes : "<" + bytes.error().message + ">";
  }
  /// Writes into a file that is read-only, as a program of root would.
  static void tamper(const fs::path& path, std::string_view bytes) {
    ASSERT_EQ(chmod(path.c_str(), 0644), 0);
    ASSERT_OK(os::write_file(path, bytes));
    ASSERT_EQ(chmod(path.c_str(), 0444), 0);
  }
  Artifact folder(const ports::Stored& stored) const {
    return {.form = Form::directory, .digest = stored.digest, .size = stored.size};
  }
  Artifact file(const ports::Stored& stored) const { return {.digest = stored.digest, .size = stored.size}; }

  ShiftedClock clock_;
  std::unique_ptr<os::TemporaryDirectory> root_;
  fs::path outside_;
  std::unique_ptr<DirectoryObjectStore> store_;
};

}  // namespace sluice::stores

#pragma once
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sluice/os/files.hpp"

namespace sluice::os {

/// A test with a folder of its own.
class Scratch : public ::testing::Test {
 protected:
  Scratch() : folder_(*TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-os-")) {}
  [[nodiscard]] std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }
  static mode_t mode_of(const std::filesystem::path& path) {
    struct stat info{};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }

 private:
  TemporaryDirectory folder_;
};

}  // namespace sluice::os

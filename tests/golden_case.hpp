#pragma once
// Golden files: `--- SECTION` lines and the text below each. With SLUICE_ACCEPT=1 (`./dev accept`) an
// expected section is replaced with the current output.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "places.hpp"

namespace sluice::test {

inline std::filesystem::path golden_folder() { return source("tests/golden"); }

/// The cases below tests/golden/FOLDER, sorted, as paths relative to tests/golden. Throws if anything else is
/// there.
inline std::vector<std::string> golden_cases(const std::string& folder) {
  std::vector<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder() / folder)) {
    if (entry.path().extension() != ".case")  // an input that a fuzzer left, for example
      throw std::runtime_error(entry.path().string() + " is not a golden case; remove it");
    cases.push_back(folder + "/" + entry.path().filename().string());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

/// The name of a test, from its file: "engine/retry.case" → "retry".
inline std::string golden_name(const testing::TestParamInfo<std::string>& info) {
  auto name = std::filesystem::path(info.param).stem().string();
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

class GoldenCase {
 public:
  explicit GoldenCase(const std::string& relative) : path_(golden_folder() / relative) {
    std::ifstream in(path_);
    std::string line;
    while (std::getline(in, line)) {
      if (line.starts_with("--- "))
        sections_.emplace_back(line.substr(4), "");
      else if (sections_.empty())
        preamble_ += line + "\n";
      else
        sections_.back().second += line + "\n";
    }
  }

  [[nodiscard]] bool has(const std::string& name) const { return find(name) != nullptr; }
  [[nodiscard]] std::string section(const std::string& name) const {
    const auto* found = find(name);
    return found ? *found : "";
  }

  /// Compares the section; with SLUICE_ACCEPT, rewrites the file instead.
  void expect(const std::string& name, const std::string& actual) {
    if (section(name) == actual) return;
    if (std::getenv("SLUICE_ACCEPT")) {
      if (actual.empty())
        std::erase_if(sections_, [&](const auto& section) { return section.first == name; });
      else if (auto* expected = const_cast<std::string*>(find(name)))
        *expected = actual;
      else
        sections_.emplace_back(name, actual);
      write();
      return;
    }
    EXPECT_EQ(section(name), actual) << path_ << ", section `" << name
                                     << "`; `./dev accept` accepts the new text";
  }

 private:
  [[nodiscard]] const std::string* find(const std::string& name) const {
    for (const auto& [key, text] : sections_)
      if (key == name) return &text;
    return nullptr;
  }
  void write() const {
    std::ofstream out(path_);
    out << preamble_;
    for (const auto& [key, text] : sections_) out << "--- " << key << "\n" << text;
  }

  std::filesystem::path path_;
  std::string preamble_;
  std::vector<std::pair<std::string, std::string>> sections_;
};

}  // namespace sluice::test

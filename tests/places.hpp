#pragma once
// Where a test finds the checkout and the programs that it starts. Only places.cpp is compiled with paths of
// this machine, so that what one folder has compiled serves another.
#include <filesystem>
#include <string_view>

namespace sluice::test {

/// A file of the checkout, "docs/expressions.md".
std::filesystem::path source(std::string_view path);
/// A program that people run, as the release build made it: $SLUICE_BIN, else build/bin of the checkout.
std::filesystem::path release_program(std::string_view name);
/// The sanitized `sluice-host` of this build.
std::filesystem::path sanitized_host();
/// `scripted_host` of tests/unit/serving.
std::filesystem::path scripted_host();

}  // namespace sluice::test

#pragma once
// Paths of the checkout and of the programs that tests start. Only places.cpp is compiled with absolute
// paths, so that checkouts in different folders share ccache.
#include <filesystem>
#include <string_view>

namespace sluice::test {

/// A file of the checkout, "docs/expressions.md".
std::filesystem::path source(std::string_view path);
/// A program of the release build: $SLUICE_BIN, else build/bin of the checkout.
std::filesystem::path release_program(std::string_view name);
/// The sanitized `sluice-host` of this build.
std::filesystem::path sanitized_host();
/// `scripted_host` of tests/unit/serving.
std::filesystem::path scripted_host();

}  // namespace sluice::test

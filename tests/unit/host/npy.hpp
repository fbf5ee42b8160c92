#pragma once
// Writes features.npy and index.json as image.embed does (domain/ai/feature_table.cpp).
#include <string>
#include <vector>

#include <fmt/format.h>

namespace sluice::test {

inline std::string to_npy(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  auto header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  header.resize(117, ' ');
  std::string out("\x93NUMPY\x01\x00\x76\x00", 10);
  out += header + "\n";
  return out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

inline std::string to_index(const std::vector<std::string>& paths) {
  std::string out;
  for (const auto& path : paths) out += fmt::format("{}{{\"path\": \"{}\"}}", out.empty() ? "[" : ", ", path);
  return out + "]";
}

}  // namespace sluice::test

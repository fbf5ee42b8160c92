#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::runtimes {

/// Numbers with a shape, in row-major order.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::variant<std::vector<float>, std::vector<std::int64_t>, std::vector<std::uint8_t>>
      data;  ///< booleans are bytes
};

/// A network that turns one item (a picture) into one row of numbers. It is compiled for one item at a time:
/// a result never depends on other items, and on the measured processors batches are no
/// faster. Thread-safe.
class ItemModel {
 public:
  ~ItemModel();
  ItemModel(const ItemModel&) = delete;
  ItemModel& operator=(const ItemModel&) = delete;

  [[nodiscard]] const std::vector<std::int64_t>& input_shape() const;  ///< [1, channels, rows, columns]
  [[nodiscard]] std::size_t input_elements() const;
  [[nodiscard]] std::size_t output_elements() const;
  /// Items that run at the same time; the cores are divided among them.
  [[nodiscard]] std::size_t parallel() const;
  /// Runs any number of items, one after the other in `in`; writes their rows to `out`, in the same order.
  /// Blocks.
  Result<void> run(std::span<const float> in, std::span<float> out);
  /// The name of the file in `Items::keep` that holds the compiled network; "": it was not written.
  [[nodiscard]] const std::string& kept() const;

 private:
  friend class OpenVino;
  struct Impl;
  explicit ItemModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A small graph from rows of floats to named outputs; it runs in the caller's thread and owns no other.
/// Thread-safe; calls wait for each other.
class BatchModel {
 public:
  struct Port {
    std::string name;
    std::string type;                 ///< "f32", "i64", "boolean", …
    std::vector<std::int64_t> shape;  ///< -1: any
  };

  ~BatchModel();
  BatchModel(const BatchModel&) = delete;
  BatchModel& operator=(const BatchModel&) = delete;

  [[nodiscard]] const std::vector<Port>& inputs() const;
  [[nodiscard]] const std::vector<Port>& outputs() const;
  /// `in` holds `rows` rows for the one input. Returns every output by name.
  Result<std::map<std::string, Tensor>> run(std::span<const float> in, std::size_t rows);

 private:
  friend class OpenVino;
  struct Impl;
  explicit BatchModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The OpenVINO runtime, one per process. Models may outlive it. Thread-safe.
class OpenVino {
 public:
  OpenVino();
  ~OpenVino();
  OpenVino(const OpenVino&) = delete;
  OpenVino& operator=(const OpenVino&) = delete;

  [[nodiscard]] static std::string version();

  struct Items {
    std::filesystem::path file;      ///< ONNX or OpenVINO IR with one input
    std::string tap;                 ///< the requested output; the graph is cut there
    std::filesystem::path compiled;  ///< compiled networks of earlier processes; empty: none
    std::filesystem::path keep;      ///< where one that is compiled is written; empty: nowhere
    std::string identity;            ///< of the file's bytes (a digest), the key of a compiled network
  };
  /// The file's name prefixes every error message.
  Result<std::unique_ptr<ItemModel>> load_items(const Items& items);

  /// From the bytes of an ONNX file with one f32 input [N, …]. `name` prefixes every error message.
  Result<std::unique_ptr<BatchModel>> load_batches(const std::string& onnx, const std::string& name);
  /// Loads the library that reads ONNX files, as the first `load_batches` would: after this, that opens no
  /// file. False: it cannot be loaded, as `load_batches` will say.
  bool prepare_batches();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::runtimes

#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/net/body_digest.hpp"
#include "sluice/net/codings.hpp"
#include "sluice/net/decoder.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// The memory budget shared by all request bodies. Thread-safe.
class BodyMemory {
 public:
  explicit BodyMemory(std::size_t limit) : limit_(limit) {}
  bool reserve(std::size_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= limit_) return true;
    release(bytes);
    return false;
  }
  void release(std::size_t bytes) { used_.fetch_sub(bytes); }

 private:
  std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

/// Receives a request's body into memory or into a file, decompressed; a large file is hashed meanwhile, if
/// the route asks for that. Used by one thread at a time.
class Body {
 public:
  /// `folder`: for the files of routes with `body_to_file`. `shared` must outlive this; what is reserved from
  /// it is released by `drop` or the destructor.
  Body(const ports::Route& route, std::filesystem::path folder, BodyMemory& shared,
       ContentCoding coding = ContentCoding::identity);
  /// Removes the file.
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  /// Appends bytes as they were sent. Code::too_large if they, or what they decompress to, exceed the route's
  /// limit, Code::unavailable beyond the shared memory budget, Code::invalid_argument if they are not of the
  /// content coding; the system's error if the file cannot be written.
  Result<void> add(std::string_view bytes);
  /// Moves the bytes, or the file's path, into the request. The file stays until `drop`.
  /// Code::invalid_argument if compressed data is incomplete.
  Result<void> move_to(ports::Request& request);
  /// Discards the data: the request was refused or answered. Idempotent.
  void drop();

 private:
  Result<void> open();
  Result<void> reserve(std::size_t bytes);
  Result<void> decode(std::string_view bytes);
  Result<void> store(std::string_view bytes);
  std::string take_memory();

  const ports::Route& route_;
  std::filesystem::path folder_;
  BodyMemory& shared_;
  ContentCoding coding_;
  std::optional<Decoder> decoder_;  ///< once the first bytes of a compressed body have arrived
  std::size_t received_ = 0;        ///< bytes of a compressed body
  std::size_t size_ = 0;
  std::size_t reserved_ = 0;         ///< from `shared_`
  std::vector<std::string> pieces_;  ///< of a body in memory
  std::filesystem::path file_;
  int descriptor_ = -1;
  bool is_hashed_ = false;  ///< it has been tried
  std::shared_ptr<BodyDigest> digest_;
};

}  // namespace sluice::net

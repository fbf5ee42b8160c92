#pragma once
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "sluice/base/digest.hpp"

namespace sluice::net {

/// The SHA-256 of a file that grows, computed by a thread of its own while the bytes arrive, so that a large
/// body is hashed when its last byte is there. Thread-safe.
class BodyDigest {
 public:
  /// Others hash their bodies when they have arrived.
  static constexpr int at_once_max = 4;
  /// nullptr: there are as many as there may be, or the file cannot be read.
  static std::shared_ptr<BodyDigest> begin(const std::filesystem::path& file);
  /// Stops within a block.
  ~BodyDigest();
  BodyDigest(const BodyDigest&) = delete;
  BodyDigest& operator=(const BodyDigest&) = delete;

  /// So many bytes are in the file; they do not change any more.
  void arrived(std::uint64_t bytes);
  /// No more will come.
  void complete();
  /// Waits until all has been hashed; after `complete`. nullopt: the file could not be read.
  std::optional<Digest> wait();

 private:
  explicit BodyDigest(int file);
  void work(const std::stop_token& stop);
  /// Of the bytes that have arrived since `done`, or complete; nullopt: stopped.
  std::optional<std::uint64_t> next(std::uint64_t done, const std::stop_token& stop);
  void end(std::optional<Digest> digest);

  int file_;          ///< closed by the destructor
  std::mutex mutex_;  ///< guards the members below, but for the thread
  std::condition_variable_any changed_;
  std::uint64_t arrived_ = 0;
  bool complete_ = false;
  bool ended_ = false;
  std::optional<Digest> digest_;
  std::jthread thread_;  ///< last: it uses the others
};

}  // namespace sluice::net

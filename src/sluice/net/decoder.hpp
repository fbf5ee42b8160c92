#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/net/codings.hpp"

namespace sluice::net {

/// Decompresses a body piece by piece, as it arrives. Used by one thread at a time.
class Decoder {
 public:
  /// Receives what was decompressed, at most 16 KiB at once; an error ends decoding.
  using Sink = std::function<Result<void>(std::string_view)>;

  /// The memory that a decoder needs, at most.
  static constexpr std::size_t memory = std::size_t{64} << 10;

  /// gzip, or deflate: with a header, as the standard requires, or without, as many clients send it.
  explicit Decoder(ContentCoding coding);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Decompresses the next bytes. Code::invalid_argument if they are damaged, or follow the end of the
  /// compressed data; otherwise the sink's error.
  Result<void> add(std::string_view bytes, const Sink& sink);
  /// Code::invalid_argument unless the compressed data is complete, or there was none at all.
  [[nodiscard]] Result<void> finish() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::net

#pragma once
// The TLS side of a server and of a client. Private to this module: it exposes Asio.
#include <filesystem>
#include <memory>
#include <optional>

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include "sluice/base/result.hpp"

namespace sluice::net {

/// A server's certificate and its key, read again when a file has changed: certificates are renewed while
/// servers run. Used by one thread at a time.
class Certificate {
 public:
  using Context = std::shared_ptr<boost::asio::ssl::context>;
  /// PEM files: the certificate with those of its authorities after it, and its key. The error names the file
  /// and what is wrong with it.
  static Result<std::unique_ptr<Certificate>> load(std::filesystem::path chain, std::filesystem::path key);
  /// For the next connection. If the files have changed and cannot be used, that is logged once, and the
  /// certificate stays what it was.
  [[nodiscard]] Context current();

 private:
  Certificate() = default;
  /// When each file was changed, in nanoseconds.
  using Times = std::pair<std::int64_t, std::int64_t>;
  [[nodiscard]] Times changed() const;

  std::filesystem::path chain_;
  std::filesystem::path key_;
  Context context_;
  Times read_at_;
};

/// For a client that verifies servers: against the authorities of a PEM file, or against the system's if `ca`
/// is empty.
Result<std::unique_ptr<boost::asio::ssl::context>> verifying_context(const std::filesystem::path& ca);

/// Why a handshake failed, for people: OpenSSL's words, without its codes.
std::string describe_tls(const boost::system::error_code& error);

}  // namespace sluice::net

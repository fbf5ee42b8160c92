#pragma once
// A stream that may be encrypted. Private to this module: it exposes Asio.
#include <cstddef>
#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace sluice::net {

/// A stream of bytes over `Next` (a socket), or over TLS on it. A stream of Asio; not thread-safe.
template <typename Next>
class MaybeTls {
 public:
  using executor_type = typename Next::executor_type;
  using next_layer_type = Next;
  using Tls = boost::asio::ssl::stream<Next&>;

  explicit MaybeTls(Next next) : next_(std::move(next)) {}
  MaybeTls(const MaybeTls&) = delete;
  MaybeTls& operator=(const MaybeTls&) = delete;

  executor_type get_executor() { return next_.get_executor(); }
  Next& next_layer() { return next_; }

  /// From now on, reads and writes are over TLS; the caller does the handshake.
  Tls& use_tls(boost::asio::ssl::context& context) { return tls_.emplace(next_, context); }
  /// Null: the stream is plain.
  Tls* tls() { return tls_ ? &*tls_ : nullptr; }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            next_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            next_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

 private:
  Next next_;
  std::optional<Tls> tls_;
};

}  // namespace sluice::net

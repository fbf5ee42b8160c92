#pragma once
// Serves the requests of one connection. Private to this module: its files share coroutines.
#include <atomic>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "sluice/base/clock.hpp"
#include "sluice/net/body.hpp"
#include "sluice/net/connection.hpp"
#include "sluice/net/gate.hpp"
#include "sluice/net/server.hpp"

namespace sluice::net {

/// The state that all sessions of a server share; must outlive them.
struct SessionContext {
  const HttpServer::Options& options;
  const Gate& gate;
  const Clock& clock;
  BodyMemory& body_memory;
  boost::asio::thread_pool& workers;
  const std::atomic<bool>& stopping;
};

/// Reads requests from a connection and responds to them, one after the other, until either side closes it.
/// Does not throw; `connection` must outlive the coroutine.
boost::asio::awaitable<void> serve_requests(const SessionContext& context, Connection& connection);

}  // namespace sluice::net

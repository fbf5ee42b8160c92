#pragma once
// Private to its room: its files share coroutines.
#include <atomic>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "sluice/base/clock.hpp"
#include "sluice/net/body.hpp"
#include "sluice/net/connection.hpp"
#include "sluice/net/gate.hpp"
#include "sluice/net/server.hpp"

namespace sluice::net {

/// What all sessions of a server share; outlives them.
struct SessionContext {
  const HttpServer::Options& options;
  const Gate& gate;
  const Clock& clock;
  BodyMemory& body_memory;
  boost::asio::thread_pool& workers;
  const std::atomic<bool>& stopping;
};

/// Reads requests from a connection and answers them, one after the other, until either side has enough. Does
/// not throw; `connection` outlives the coroutine.
boost::asio::awaitable<void> serve_requests(const SessionContext& context, Connection& connection);

}  // namespace sluice::net

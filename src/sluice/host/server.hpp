#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/host/embedder.hpp"
#include "sluice/host/head.hpp"
#include "sluice/ipc/host/channel.hpp"
#include "sluice/ipc/host/message.hpp"

namespace sluice::host {

/// The host's end of the connection, with one method per request of protocol/README.md. Loads run in order on
/// a thread of their own, long-running work (embed_pictures, learn_head) likewise on another; predictions run
/// on the embedder's threads.
class Server {
 public:
  /// Both must outlive the server.
  Server(protocol::Channel& channel, const Clock& clock);
  ~Server();

  /// Reads requests until the other end closes (or breaks the protocol, which is logged). Responses
  /// that are still in progress are then lost: the process is about to exit.
  void serve();

 private:
  struct PendingPrediction;

  void dispatch(protocol::Request request, std::string payload);
  void respond(std::int64_t id, Result<Value> outcome);
  /// Reports that a request is being worked on, if nothing was reported for a moment. Any thread.
  void report(const protocol::Progress& progress);

  [[nodiscard]] Result<Value> hello() const;
  Result<Value> load_base(std::int64_t id, const Value& params);
  Result<Value> load_head(std::int64_t id, const Value& params);
  Result<Value> unload_head(std::int64_t id, const Value& params);
  Result<Value> embed(std::int64_t id, const Value& params);
  Result<Value> learn(std::int64_t id, const Value& params);
  Result<void> predict(std::int64_t id, const Value& params, std::string payload);
  void finish(PendingPrediction& pending);

  [[nodiscard]] Result<std::shared_ptr<Embedder>> loaded_base(const std::string& digest) const;

  protocol::Channel& channel_;
  const Clock& clock_;
  runtimes::OpenVino runtime_;

  struct LoadedHead {
    std::shared_ptr<Head> head;
    std::shared_ptr<Embedder> base;
  };
  mutable std::mutex mutex_;  ///< guards the maps
  std::map<std::string, std::shared_ptr<Embedder>> bases_;
  std::map<std::string, LoadedHead> heads_;
  std::atomic<std::size_t> pictures_waiting_ = 0;
  std::atomic<std::int64_t> reported_ =
      0;  ///< when something was reported last, in nanoseconds of the steady clock

  TaskQueue loading_{1};
  TaskQueue working_{1};
};

}  // namespace sluice::host

#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/host/confinement.hpp"
#include "sluice/host/embedder.hpp"
#include "sluice/host/head.hpp"
#include "sluice/host/learning/learning_files.hpp"
#include "sluice/host/picture_request.hpp"
#include "sluice/ipc/host/channel.hpp"
#include "sluice/ipc/host/message.hpp"

namespace sluice::host {

/// The host's end of the connection, with one method per request of ipc/host/README.md. Loads run in order on
/// a thread of their own, learning likewise on another; predictions run on the embedder's threads.
class Server {
 public:
  /// `channel` and `clock` must outlive the server.
  Server(protocol::Channel& channel, const Clock& clock, HostFolders folders, Confinement confinement);
  ~Server();

  /// Reads requests until the other end closes (or breaks the protocol, which is logged). Responses
  /// that are still in progress are then lost: the process is about to exit.
  void serve();

 private:
  struct LoadedHead {
    std::shared_ptr<Head> head;
    std::shared_ptr<Embedder> base;
  };
  /// A response: JSON and bytes.
  struct Reply {
    Value result = Struct{};
    std::string payload = {};
  };

  void dispatch(protocol::Request request, std::string payload);
  void respond(std::int64_t id, Result<Reply> outcome);
  /// Reports that a request is being worked on, if nothing was reported for a moment. Any thread.
  void report(const protocol::Progress& progress);

  [[nodiscard]] Result<Reply> hello() const;
  Result<Reply> load_base(std::int64_t id, const Value& params, const std::string& payload);
  Result<Reply> load_head(std::int64_t id, const Value& params, const std::string& payload);
  Result<Reply> unload_head(std::int64_t id, const Value& params, const std::string& payload);
  Result<Reply> try_head(std::int64_t id, const Value& params, const std::string& payload);
  Result<Reply> begin_learning(const Value& params);
  Result<Reply> add_input(const Value& params, const std::string& payload);
  Result<Reply> learn(std::int64_t id, const Value& params, const std::string& payload);
  [[nodiscard]] Result<Reply> read_output(const Value& params) const;
  Result<Reply> end_learning(const Value& params);
  Result<void> predict(std::int64_t id, const Value& params, std::string payload);
  Result<void> embed(std::int64_t id, const Value& params, std::string payload);

  /// Has the rows of the request's pictures computed, then calls `finish`.
  void submit(const std::shared_ptr<PictureRequest>& request, Embedder& base,
              std::function<Result<Reply>(const PictureRequest&)> finish);

  [[nodiscard]] Result<std::shared_ptr<Embedder>> loaded_base(const std::string& digest) const;
  [[nodiscard]] Result<LoadedHead> loaded_head(const std::string& digest) const;

  protocol::Channel& channel_;
  const Clock& clock_;
  const HostFolders folders_;
  mutable std::mutex mutex_;  ///< guards the confinement and the maps
  Confinement confinement_;
  runtimes::OpenVino runtime_;
  std::map<std::string, std::shared_ptr<Embedder>> bases_;
  std::map<std::string, LoadedHead> heads_;
  LearningFiles learning_{Confinement::memory_max()};
  std::atomic<std::size_t> pictures_waiting_ = 0;
  std::atomic<std::int64_t> reported_ =
      0;  ///< when something was reported last, in nanoseconds of the steady clock

  TaskQueue loading_{1};
  TaskQueue working_{1};
};

}  // namespace sluice::host

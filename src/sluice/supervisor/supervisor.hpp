#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "sluice/base/clock.hpp"
#include "sluice/supervisor/attempt_log.hpp"
#include "sluice/supervisor/attempts.hpp"
#include "sluice/supervisor/connection.hpp"

namespace sluice::supervisor {

/// The program's loop: one thread that waits for children, servers and deadlines.
class Supervisor {
 public:
  /// What of the machine it may use: less is for machines, and tests, without it.
  struct Use {
    bool cgroups = true;         ///< to hold the trees of processes
    bool memory_cgroups = true;  ///< to limit their memory
  };
  /// Opens a data folder: the lock must be held by the caller. Ends the attempts that an earlier supervisor
  /// lost, then listens on DATA/supervisor.sock.
  static Result<std::unique_ptr<Supervisor>> open(const std::filesystem::path& data, const Clock& clock,
                                                  Use use);
  ~Supervisor();

  /// Runs until Shutdown, SIGTERM, or 10 s without a running attempt or a connection.
  void run();

 private:
  Supervisor(std::filesystem::path socket, const Clock& clock, AttemptLog log, os::UniqueFd listener);
  void watch(int fd, std::uint32_t events, bool added);
  void accept_all();
  void serve(int fd, std::uint32_t events);
  /// False: close the connection.
  bool handle(Connection& connection, const Request& request);
  bool list(Connection& connection, const List& list);
  /// The connection replaces the one that followed before, which is closed; its unread requests are dropped.
  void replace_follower(const Connection& connection);
  bool start(Connection& connection, const Start& start);
  bool shut_down(Connection& connection, const Shutdown& shutdown);
  void handle_signals();
  void broadcast(const Response& response, bool followers_only);
  void close(int fd);
  [[nodiscard]] bool idle_long_enough() const;

  std::filesystem::path socket_;
  const Clock& clock_;
  AttemptLog log_;
  os::UniqueFd listener_;
  os::UniqueFd signals_;
  os::UniqueFd epoll_;
  std::unique_ptr<Attempts> attempts_;
  std::map<int, std::unique_ptr<Connection>> connections_;
  std::chrono::nanoseconds last_use_{0};
  bool ending_ = false;
};

}  // namespace sluice::supervisor

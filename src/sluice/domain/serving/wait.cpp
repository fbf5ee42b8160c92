#include <condition_variable>
#include <mutex>

#include "sluice/domain/serving/hosts.hpp"

namespace sluice::serving {
namespace {

/// A place where an answer arrives once, for one who waits and may lose patience. Shared by both sides.
template <typename T>
struct Arrival {
  std::mutex mutex;
  std::condition_variable_any arrived;
  std::optional<Result<T>> answer;

  void set(Result<T> given) {
    const std::lock_guard lock(mutex);
    answer.emplace(std::move(given));
    arrived.notify_all();
  }
  Result<T> wait(const std::stop_token& cancel, std::string_view what) {
    std::unique_lock lock(mutex);
    if (!arrived.wait(lock, cancel, [this] { return answer.has_value(); }))
      return Fail(user_error(Code::cancelled, std::string(what) + " was cancelled"));
    return std::move(*answer);
  }
};

}  // namespace

Result<HostLease> Hosts::acquire_and_wait(HostNeed need, const std::stop_token& cancel) {
  const auto arrival = std::make_shared<Arrival<HostLease>>();
  acquire(std::move(need), [arrival](Result<HostLease> lease) { arrival->set(std::move(lease)); });
  return arrival->wait(cancel, "waiting for a host");
}

Result<ports::HostReply> call_and_wait(HostLease& host, std::string method, Value params, std::string payload,
                                       const std::stop_token& cancel) {
  const auto arrival = std::make_shared<Arrival<ports::HostReply>>();
  const std::string what = method;
  host.call(std::move(method), std::move(params), std::move(payload),
            [arrival](Result<ports::HostReply> reply) { arrival->set(std::move(reply)); });
  return arrival->wait(cancel, what);
}

}  // namespace sluice::serving
